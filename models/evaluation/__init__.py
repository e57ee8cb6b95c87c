"""Evaluation of models on images."""
