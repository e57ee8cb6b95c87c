"""Vigitri watches the belt of a waste-sorting line.

The path of one frame is in `detector.pipeline`; the command line in `detector.cli`.
"""

__version__ = "0.1.0"
