"""Emission: from scheduled runs to a program."""
