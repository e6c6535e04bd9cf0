"""Writing kernels in Python: what is left open, the scheduler fills in."""
