"""A camera in a process of its own, watched over and started again."""
