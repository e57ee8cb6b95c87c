"""A simulated PLC for trying the bridge."""
