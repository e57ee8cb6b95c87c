"""From a camera, a stream or a recording to a stamped `Frame`."""
