"""The queue for people: what waits for them, what a decision is, what may enter the library.

With review on, a repair enters only by a decision: accept takes the rewrite as it is, edit takes a person's text, whose
replay must have succeeded, reject keeps it out. What nobody decided stays out. Decisions are rows that are never
changed; undo is a row too. An *item* is what one decides: a repair, or a planted one (see `planted`).
"""

from __future__ import annotations

from .admission import admitted, close, closed, go_on
from .agreement import Pair, agreement, opine, second
from .decisions import REASONS, Batch, decide, decide_many, flag, judge, judged, undo, undo_many
from .edits import advise, try_edit
from .planted import Planted
from .queue import Item, Shown, items, over, shown, waiting
from .replays import Evidence, evidence
from .sending import send, sent
from .tally import Progress, blind_agreement, catches, dwell, progress

__all__ = ["REASONS", "Batch", "Evidence", "Item", "Pair", "Planted", "Progress", "Shown", "admitted", "advise",
           "agreement", "blind_agreement", "catches", "close", "closed", "decide", "decide_many", "dwell", "evidence",
           "flag", "go_on", "items", "judge", "judged", "opine", "over", "progress", "second", "send", "sent", "shown",
           "try_edit", "undo", "undo_many", "waiting"]
