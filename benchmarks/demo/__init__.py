"""`make demo`: the bundled clip through the whole line, with a contact sheet and a video."""
