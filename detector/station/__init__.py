"""The operators' station: what happened on the lines, recorded and shown."""
