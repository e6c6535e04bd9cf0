"""What the machine is: instruction set and chips, read from the data files under ``isa/``."""
