"""Hostile text in every field: no page asks the network, runs anything, turns text into markup or loses its layout."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import contrasting
import hostile
import pytest
from browser import apart, opened, settled, wrong_layout

from sirius_core import campaign, imports
from sirius_core.store import Store
from sirius_core.store.browse import Browse

# What would stand in the page if a text had been read as HTML, as Markdown, as a directive or as a formula.
MARKUP = """() => {
  const found = [], main = document.body, evil = 'evil.example';
  for (const e of main.querySelectorAll('.hostile, [name=hostile], iframe, .katex, [data-testid=stMermaidChart]'))
    found.push(`element ${e.outerHTML.slice(0, 120)}`);
  for (const e of main.querySelectorAll('[href], [src], [action]'))
    for (const name of ['href', 'src', 'action'])
      if ((e.getAttribute(name) || '').match(/evil.example|javascript:|^mailto:/))
        found.push(`${name} ${e.outerHTML.slice(0, 120)}`);
  for (const e of main.querySelectorAll('[data-testid=stIconMaterial]'))
    if (e.textContent === 'skull') found.push('an icon from a text');
  const marked = ['A heading of its own', 'Another heading', 'strong', 'struck', 'scarlet', 'badge', 'numbered'];
  for (const e of main.querySelectorAll('h1, h2, h3, strong, s, del, code, th, span, li'))
    if (marked.includes(e.textContent.trim()) && !e.closest('pre, .said'))
      found.push(`markup ${e.outerHTML.slice(0, 120)}`);
  if (document.body.textContent.includes('🎉')) found.push('an emoji from a text');
  if (window.__pwned) found.push(`a script ran: ${window.__pwned}`);
  return [...new Set(found)].slice(0, 12);
}"""
LITERAL = '<b class="hostile">'


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[Path], str]) -> dict[str, str]:
    """{page: its address} of a database with a finished experiment and one that waits for people."""
    import longform

    db = tmp_path_factory.mktemp("hostile") / "lab.db"
    sizes = {"problems": 12, "heldout": 6, "validation": 4, "rounds": 1}

    def made() -> tuple[str, ...]:
        with Store(db) as store:
            compared(store)
            done = longform.act(store, **sizes).id
            waits = longform.act(store, seed=1, review=True, replays=2, planted=0.0, blind=0.0, **sizes).id
            browse = Browse(store.db)
            one, *_, large = browse.mended(done, 50)
            repair = next(r for r in store.repairs.find(waits, 1) if r.mended).id
            return done, waits, one, large, repair, *imported(store, db.with_name("traces.jsonl"))

    done, waits, one, large, repair, traces, trace = apart(made)
    hostile.poison(db)
    hostile.enlarge(db, large)
    address = serve(db)
    paths = {
        "overview": f"/overview?exp={done}",
        "run": f"/run?exp={done}",
        "explore": f"/explore?exp={done}",
        "episode": f"/explore?exp={done}&traj={one}",
        "episode of a megabyte": f"/explore?exp={done}&traj={large}",
        "review": f"/review?exp={waits}&rv={repair}",
        "library": f"/library?exp={done}",
        "example": f"/library?exp={done}&lb_at=0",
        "training": f"/library?exp={done}&lb_view=Training",
        "words in the turns": f"/explore?exp={done}&ex_said=says",
        "traces from elsewhere": f"/explore?exp={traces}",
        "a trace": f"/explore?exp={traces}&traj={trace}",
        "their review": f"/review?exp={traces}",
        "their library": f"/library?exp={traces}&lb_view=Export+and+verify",
        "settings": f"/settings?exp={done}",
        "contrast": "/contrast?contrast=contrast-1",
        "contrast before it begins": "/contrast?contrast=contrast-2",
        "ask both": f"/lesson?exp={done}&part=ask&team=open",
    }
    return {name: address + path for name, path in paths.items()}


def compared(store: Store) -> None:
    """A finished contrast, contrast-1, and one that waits for predictions; their arms have hostile names."""
    arms = [replace(arm, name=hostile.short(f"arm {i}")) for i, arm in enumerate(contrasting.APART)]
    plan = contrasting.planned(arms, 1, heldout=20)
    contrast = campaign.create(store, plan)
    store.contrasts.predict(contrast, "Ann", arms[1].name, 5.0, "Because.")
    contrasting.carry_on(store, contrast, plan)
    store.contrasts.predict(campaign.create(store, plan), "Ann", "", None, "Because.")


def imported(store: Store, file: Path) -> tuple[str, str]:
    """(experiment, a failed episode of it): traces whose roles, too, are hostile; those that are right are kept."""
    role = hostile.short("role")
    lines = [{"question": f"{number} + 1?", "answer": "7", "turns": [{"role": role, "text": f"Answer: {number}"}]}
             for number in (6, 7, 7)]
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    name = imports.take(store, file).experiment
    imports.keep(store, name)
    return name, next(t for t in store.episodes.find(name) if not t.right).id


def test_no_field_is_forgotten(tmp_path: Path) -> None:
    with Store(tmp_path / "lab.db") as store:
        known = {table: {*hostile.FILLED.get(table, ()), *hostile.OURS.get(table, ())}
                 for table in {**hostile.FILLED, **hostile.OURS}}
        assert hostile.columns(sqlite3.connect(store.path)) == known


def test_hostile_text_is_text(pages: dict[str, str], visit: Callable[..., Any]) -> None:
    page, wrong, silent = visit(), [], []
    for name, address in pages.items():
        page.set_viewport_size({"width": 1360, "height": 900})
        opened(page, address)
        wrong += [f"{name}: {line}" for line in page.evaluate(MARKUP)]
        if LITERAL not in page.evaluate("document.body.textContent"):
            silent.append(name)
        for width in (1360, 390):
            if width == 390:
                page.set_viewport_size({"width": width, "height": 900})
                settled(page)
            wrong += [f"{name}, {width}: {line}" for line in wrong_layout(page)
                      if "sideways" in line or "reaches" in line]
        high = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
        wrong += [f"{name}: {high} px high"] if high > 40_000 else []
        wrong += [f"{name}: {line}" for line in (*page.complaints, *page.dialogs, *page.outside)]
        page.complaints.clear()
    assert page.dialogs == [] and page.outside == []
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
    # in a table's canvas, and on the settings page nowhere; everywhere else it is to be seen as text
    assert {*silent} <= {"explore", "words in the turns", "traces from elsewhere", "settings"}
