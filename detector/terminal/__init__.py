"""The alarms of lines in a terminal, for people without a browser."""
