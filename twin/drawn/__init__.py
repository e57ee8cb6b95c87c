"""What lies on the belt, drawn."""
