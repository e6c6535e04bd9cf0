"""A small model run as a whole: attention on a GPU in NumPy, every feed-forward layer as a program on an LPU."""
