"""Alarms of a line in the terminal."""
