"""The fast executor: compute kernels compiled by Numba, and what drives them."""
