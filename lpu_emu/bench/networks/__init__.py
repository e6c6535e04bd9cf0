"""Convolutional networks from end to end: compiled, run by the engine, beside ONNX Runtime on the same machine."""
