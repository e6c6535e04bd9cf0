"""Scheduling: flows in space and time."""
