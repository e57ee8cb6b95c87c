"""From detections to hazards: tracks on the belt, overload and jam, alarms."""
