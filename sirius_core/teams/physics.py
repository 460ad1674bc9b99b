"""Physicist - mathematician - summarizer (SiriuS, problem solving)."""

from __future__ import annotations

from .chain import in_a_row

physics = in_a_row("physics", "physicist", "mathematician")
