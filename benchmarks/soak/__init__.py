"""The whole line for hours, with scheduled faults."""
