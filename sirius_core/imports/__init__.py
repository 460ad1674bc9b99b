"""Traces from elsewhere: a file of them becomes an experiment to look at, to review and to export, never to run.

    imports.preview(path)                  the first traces, as they are understood
    found = imports.take(store, path)      all of them, judged; the failed ones wait in the review queue
    imports.edited(store, item, text)      a person's text in place of the last turn of a failed one, judged by rule
    imports.keep(store, experiment)        what is right, and what people let in, as a library to export

A trace with a truth is judged by rule, one without keeps the reward that its line states, one with neither is not
judged. Rounds, roles, models and texts are as the file says; nothing in it is ever carried out.
"""

from __future__ import annotations

from .keeping import derived, edited, imported, keep
from .landing import ROUND, Taken, take
from .reading import Preview, Survey, opened, preview, survey
from .traces import Said, Trace, trace

__all__ = ["ROUND", "Preview", "Said", "Survey", "Taken", "Trace", "derived", "edited", "imported", "keep", "opened",
           "preview", "survey", "take", "trace"]
