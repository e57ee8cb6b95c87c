"""How well a model finds things in pictures."""
