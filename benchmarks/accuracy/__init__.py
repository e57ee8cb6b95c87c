"""Accuracy of a line: recorded or simulated footage compared with its ground truth."""
