"""The belt in millimetres: its plane in the image, its speed and its position."""
