"""`make demo`: the bundled clip through the whole line, a sheet and a film of what it found."""
