"""From detections to one track for each object on the belt."""
