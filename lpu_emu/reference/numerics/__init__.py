"""What every arithmetic result of the modelled machine is, bit for bit (see docs/numerics.md).

``dtypes`` the types and their bytes, ``rounding`` the one rounding step, ``special`` exp, tanh and
rsqrt, ``vxm`` and ``convert`` the vector operations, ``mxm`` the dot products. Only IEEE additions,
subtractions, multiplications, divisions, square roots, comparisons and bit operations are used, never
a mathematics library, so results do not depend on the host.
"""
