"""What a line does when something breaks: processes, sockets, messages, the PLC's connection."""
