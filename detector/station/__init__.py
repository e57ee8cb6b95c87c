"""What people look at: subscribers of the wire like any outsider, in a process of their own."""
