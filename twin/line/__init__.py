"""The simulated line: belt, drive, camera, lighting, objects on the belt and ground truth."""
