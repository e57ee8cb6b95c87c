"""The line's TOML: its sections, loading it, writing it, its reference page."""
