"""The base of all errors that a user can put right."""

from __future__ import annotations


class VigitriError(Exception):
    """What is wrong and how to fix it, in one line each; a command prints it and exits with 2.

    Raised for bad input (profile, model, source, address, key) and for what the machine lacks. A
    fault of the program itself is not one of these, and keeps its traceback.
    """

    fix = ""
    """How to put it right, where that is known apart from the message."""
