"""Tests of the tensor graph, the ONNX importer and NumPy evaluation."""
