"""Belt views, models and engines: from a frame to detections."""
