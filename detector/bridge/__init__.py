"""From ZeroMQ to the line's PLC: Modbus TCP, OPC UA, and a simulated PLC to try them with."""
