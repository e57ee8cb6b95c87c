"""Drawn objects and belts."""
