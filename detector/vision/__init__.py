"""From a frame to detections on the belt."""
