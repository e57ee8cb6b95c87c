"""The PLC bridge: serves lines' states as Modbus TCP and OPC UA."""
