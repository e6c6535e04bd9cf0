"""Memory: words of SRAM, where they lie and how long."""
