"""Racks of GPUs and LPUs: stages, links, an event timeline, and what published claims come to."""
