"""The detector's side of the wire: publishing, serving requests, delivering, the journal."""
