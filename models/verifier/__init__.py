"""The verifier: the second network, which says for a crop of one object what it is."""
