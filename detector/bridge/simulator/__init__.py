"""A PLC that polls the bridge as a real one does, to try it with."""
