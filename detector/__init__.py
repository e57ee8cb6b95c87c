"""Vigitri detects hazards on the belt of a waste-sorting line.

`detector.pipeline` processes one frame; `detector.cli` is the command line.
"""

__version__ = "0.1.0"
