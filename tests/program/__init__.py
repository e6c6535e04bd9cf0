"""Tests of program checks and program files."""
