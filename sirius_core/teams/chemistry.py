"""Chemist - mathematician - summarizer (SiriuS, problem solving)."""

from __future__ import annotations

from .chain import in_a_row

chemistry = in_a_row("chemistry", "chemist", "mathematician")
