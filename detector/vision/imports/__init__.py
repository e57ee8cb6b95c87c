"""Reads somebody's ONNX file: what its inputs and outputs are, and what it does not say."""
