"""Adapts a deployed model on the line's own computer: a new head on the verifier's features."""
