"""Sirius Lab's core: a team of language-model agents that improves itself, round by round.

Importing this package does nothing and loads nothing heavy. Start with ``sirius_core.improve`` (the loop),
or from a notebook with ``sirius_core.frames.open("lab.db")``. The plan of the house stands in README.md here.
"""

__version__ = "0.5.0"
