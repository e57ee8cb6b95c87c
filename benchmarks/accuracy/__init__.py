"""How well a line sees: recorded or simulated footage held against its ground truth."""
