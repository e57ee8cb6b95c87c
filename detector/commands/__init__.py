"""What the commands of `detector.cli` do, a file each."""
