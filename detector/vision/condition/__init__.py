"""Condition of the camera's image: what makes it useless, and what makes it worse."""
