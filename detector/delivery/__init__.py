"""The detector's side of the wire: publisher, request server, deliveries and journal."""
