"""Beside the path of a frame: deadlines, the vision state, the inference lock, stop signals."""
