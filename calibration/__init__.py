"""What is known of one line: its profile, its belt's plane, how its belt moves."""
