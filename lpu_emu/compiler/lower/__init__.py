"""Lowering: from graph operators to flows."""
