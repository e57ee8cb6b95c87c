"""The commands of `detector.cli`, one file each."""
