"""Every exception that the core raises.

    SiriusError                 one clear line for a person: what was wrong and what mends it
    ├── UsageError              the request itself is wrong (exit code 2)
    │   ├── UnknownName         a preset, setting, recipe, team ... that does not exist; names the nearest known ones
    │   ├── Decided             somebody has decided this item meanwhile
    │   └── Locked              a contrast has begun: nobody can predict any more
    ├── StoreError              the database file cannot be used as asked
    │   ├── NewerDatabase       written by a newer version of the lab
    │   ├── ReadOnlyDatabase    the file or its folder cannot be written
    │   ├── FullDatabase        no room left; what was committed stays
    │   └── Missing             no row with that id
    ├── Busy                    another process runs this experiment
    ├── PromptError             a prompt file and the values given do not fit together
    ├── CheckpointError         a stored checkpoint is damaged or of another shape
    ├── ModelError              a model could not be asked at all (lost key, no server): the task stays pending
    │   └── UnreadableText      the embedded model does not know some words
    ├── Paused                  the run waits (exit code 3)
    │   ├── WaitingForReview    for a person's decisions
    │   └── BudgetSpent         for a larger budget
    ├── Cancelled               somebody asked the run to stop (exit code 130)
    └── Stopped                 a model's failure inside an episode: caught there and recorded as an outcome
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SiriusError(Exception):
    """Base of all errors that we raise: ``str(error)`` is one line for a person."""

    exit_code = 1


class UsageError(SiriusError):
    exit_code = 2


class UnknownName(UsageError):
    """``UnknownName("preset", "quickstrat", PRESETS)``: there is no preset 'quickstrat'; did you mean 'quickstart'?"""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        close = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names) or 'none'}"
        super().__init__(f"there is no {kind} {name!r}; {hint}")
        self.kind, self.name, self.known = kind, name, tuple(names)


class Decided(UsageError):
    """``author`` has decided this item: ``verdict``. It can be decided again once that is undone."""

    def __init__(self, author: str, verdict: str) -> None:
        super().__init__(f"{author} has decided this meanwhile: {verdict}; undo that to decide again")
        self.author, self.verdict = author, verdict


class Locked(UsageError):
    pass


class StoreError(SiriusError):
    pass


class NewerDatabase(StoreError):
    pass


class ReadOnlyDatabase(StoreError):
    pass


class FullDatabase(StoreError):
    pass


class Missing(StoreError):
    pass


class Busy(SiriusError):
    pass


class PromptError(SiriusError):
    pass


class CheckpointError(SiriusError):
    pass


class ModelError(SiriusError):
    pass


class UnreadableText(ModelError):
    """The embedded model cannot read some words. ``words`` are they, ``nearest`` the closest known word of each."""

    def __init__(self, words: Iterable[str], nearest: Iterable[str | None]) -> None:
        self.words, self.nearest = tuple(words), tuple(nearest)
        pairs = [f"{w!r} (nearest: {n!r})" if n else repr(w) for w, n in zip(self.words, self.nearest, strict=True)]
        super().__init__(f"the pocket model does not know {', '.join(pairs)}")


class Paused(SiriusError):
    exit_code = 3


class WaitingForReview(Paused):
    pass


class BudgetSpent(Paused):
    pass


class Cancelled(SiriusError):
    exit_code = 130


class Stopped(SiriusError):
    """Raised inside a workflow when a model failed for good; ``stop`` names how (see trajectories.Stop)."""

    def __init__(self, stop: str, why: str = "") -> None:
        super().__init__(f"{stop}: {why}" if why else stop)
        self.stop, self.why = stop, why
