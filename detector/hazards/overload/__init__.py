"""Coverage of the belt, overload and jam."""
