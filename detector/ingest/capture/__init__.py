"""The capture process of a camera, and its supervision and restart."""
