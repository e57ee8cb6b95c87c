"""The simulated line: belt, drive, camera, light, what lies on it and what is true of it."""
