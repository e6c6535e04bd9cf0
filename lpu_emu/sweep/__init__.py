"""Sweeps: many "what if" questions at once, on one machine or many."""
