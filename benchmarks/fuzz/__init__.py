"""Fuzzing: every parser of the product gets changed input; each case must end in a sound value or
in one clear error."""
