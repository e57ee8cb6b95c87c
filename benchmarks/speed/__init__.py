"""How fast a line is: latency, lines on one machine, cost of a metre of belt."""
