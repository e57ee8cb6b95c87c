"""Vigitri beside other detectors: the same network on the same belt."""
