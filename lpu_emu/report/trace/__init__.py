"""Traces for the viewers that people use: Perfetto's protobuf and Chrome's JSON."""

from __future__ import annotations
