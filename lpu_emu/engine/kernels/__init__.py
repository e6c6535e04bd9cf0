"""Compute kernels: arrays in, arrays out, no exceptions, no knowledge of time.

``alu`` the vector operations and conversions, ``planes`` byte planes and packed elements, ``matmul_int``
and ``matmul_float`` the products of the MXM, ``accumulate`` its accumulators, ``sxm`` moves between lanes,
``gather`` rows by address. Arguments are C-contiguous writable NumPy arrays, integers and flags 0 or 1
(integers too, so that each kernel is compiled for one signature only).

Results are those of ``docs/numerics.md``, bit for bit, on every host and for every number of threads.
"""
