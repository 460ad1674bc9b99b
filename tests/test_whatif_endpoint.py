"""Questions about episodes of a chat model at an endpoint: the journal, the budget, a process of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from chat_lab import ChatLab, bottles, play
from endpoint import FakeEndpoint

from sirius_core import inquiries, jobs
from sirius_core.errors import BudgetSpent
from sirius_core.store import Store
from sirius_core.whatif import Blame, Tries


@pytest.fixture
def server() -> Iterator[FakeEndpoint]:
    with FakeEndpoint(ChatLab(sure=0.7)) as found:
        yield found


@pytest.mark.filterwarnings("ignore:subprocess:ResourceWarning")  # it outlives whoever starts it
def test_an_endpoint_is_never_asked_twice(server: FakeEndpoint, tmp_path: Path) -> None:
    db = tmp_path / "lab.db"
    e = play(db, "bottles", server.base_url, bottles(tmp_path / "bottles.csv"), rounds=0, critic="none")
    with Store(db) as store:
        t = next(t for t in store.episodes.find(e.id, phase="evaluate:heldout:sampled")
                 if not t.right and "subtract" not in t.turns[0].text)
        asked = inquiries.ask(store, t.id, kind="blame", k=6)
        spent = store.episodes.spent(e.id).calls
        jobs.change(store, e.id, {"max_calls": spent + 10})
        with pytest.raises(BudgetSpent):
            inquiries.carry_out(db, asked)
        paused = store.inquiries.get(asked)
        assert paused.status == "failed" and "has spent its budget" in paused.message
        jobs.change(store, e.id, {"max_calls": 0})
        before = store.episodes.spent(e.id).calls
        assert inquiries.ask(store, t.id, kind="blame", k=6) == asked
        jobs.launch_inquiry(db, asked)  # as the page does
        for _ in range(300):
            if (done := inquiries.status(store, asked)).status not in ("queued", "running"):
                break
            time.sleep(0.1)
        assert (done.status, done.message, done.total) == ("done", "", 18)
        assert store.episodes.spent(e.id).calls == spent + 6 * (3 + 2 + 1) > before > spent
        answer = inquiries.read(done)
        assert isinstance(answer, Blame) and answer.most == 0 and answer.values[1:] == (Tries(0, 6), Tries(0, 6))
