"""Reads the ONNX file of another tool: its inputs and outputs, and what it does not say."""
