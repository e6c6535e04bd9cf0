"""Everything that a picture of a program shows, as tables of integers."""

from __future__ import annotations
