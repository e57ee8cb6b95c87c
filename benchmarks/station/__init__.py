"""Benchmarks of the operators' station."""
