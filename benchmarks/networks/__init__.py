"""Convolutional networks from end to end."""
