"""The definition of the modelled machine, in plain NumPy."""
