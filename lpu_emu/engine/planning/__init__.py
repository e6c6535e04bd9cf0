"""From the analysis of a program to a plan: ops, where their operands come from, and the order of their pieces."""
