"""Tests of the binary form of instructions."""
