"""Looking into a running program: values at a cycle, stepping, breakpoints."""
