"""What leaves the detector: the contract, and the sockets that carry it."""
