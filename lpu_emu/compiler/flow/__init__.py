"""Flows: rigid pipelines of instruction runs."""
