"""Tests of the numerics that define every arithmetic result."""
