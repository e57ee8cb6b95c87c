"""What the command line's groups share: option types, refusals, progress bars."""
