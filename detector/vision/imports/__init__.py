"""Reads the ONNX file of another tool: what its inputs and outputs are, and what it does not say."""
