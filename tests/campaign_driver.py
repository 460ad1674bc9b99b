"""Carries a contrast on in a process of its own that may kill itself (see test_campaign.py).

    python tests/campaign_driver.py DB CONTRAST COUNT

dies by SIGKILL as the COUNT-th SQL statement starts, the reading ones not counted; 0: it lives.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from campaigning import Players

from sirius_core import campaign
from sirius_core.store import Store


def main(db: str, contrast: str, count: str) -> None:
    done = 0

    def trace(statement: str) -> None:
        nonlocal done
        done += not statement.startswith(("SELECT", "PRAGMA"))
        if int(count) and done == int(count):
            os.kill(os.getpid(), signal.SIGKILL)

    with Store(db) as store:
        machine = Players(campaign.plan_of(store, contrast))
    campaign.carry_on(Path(db), contrast, machine=machine, trace=trace)


if __name__ == "__main__":
    main(*sys.argv[1:])
