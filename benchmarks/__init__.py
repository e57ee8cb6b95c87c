"""Measurements of the running line, and the demonstration."""
