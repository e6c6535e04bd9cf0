"""A coarse model of the GPU that stands beside the LPUs: operators as grids of tiles."""
