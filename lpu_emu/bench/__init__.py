"""Benchmarks of the emulated machine and of the emulator itself."""
