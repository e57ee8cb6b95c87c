"""The line profile (TOML): its sections, loading, writing and the reference page."""
