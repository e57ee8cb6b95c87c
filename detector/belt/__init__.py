"""The belt now, in millimetres: where it lies in the picture, its speed, its position."""
