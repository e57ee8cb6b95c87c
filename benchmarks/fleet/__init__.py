"""What a fleet run costs, and what survives of it."""
