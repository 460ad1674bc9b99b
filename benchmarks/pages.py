"""The pages on a large file: python benchmarks/pages.py [queries] [paint] [keys] [--copies 4]

Two databases in a temporary folder: a small one (a `tiny` experiment, and one that waits for review) and a large one
(the quickstart, and one that waits for review, every problem with all its episodes, repairs and examples copied: with
four copies more than 100,000 episodes). Both are played by tests/actors.py, so their shares are those of real runs.

- queries: every SQL statement of every page, the page run in this process; milliseconds, best of 7
- paint:   in Chromium, from a visitor's request to the page that stands; large beside small, the two in turn
- keys:    on the review page, from a key to the next repair that stands; 50 keys, each after the guard of 0.35 s
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sirius_core.store import Store
from sirius_core.store.browse import Browse
from sirius_core.store.connection import Connection
from sirius_core.trajectories import SeedPath

ROOT = Path(__file__).resolve().parents[1]
REPEATS, PRESSES = 7, 50
FURTHER = 1_000  # a copy's attempts are these more
COUNTING = re.compile(r"\b(count|sum|max|min|avg|total)\s*\(|group by|distinct", re.IGNORECASE)
GOALS = {"page": 5, "aggregate": 10, "search": 50}
PAINTED = """before => {
  const app = document.querySelector('[data-testid=stApp]'), main = document.querySelector('[data-testid=stMain]');
  return app.dataset.testScriptState === 'notRunning' && main.textContent !== before
    && !main.querySelector('[data-testid=stSkeleton]')
    && !document.querySelector('[data-stale=true]') && performance.now() - window.__pressed;
}"""


# -- two databases -----------------------------------------------------------------------------------------------------
def small(path: Path) -> None:
    from actors import act

    with Store(path) as store:
        act(store)
        act(store, seed=1, review=True)


def large(path: Path, copies: int) -> None:
    from actors import act

    with Store(path) as store:
        act(store, "quickstart")
        act(store, "quickstart", seed=1, review=True)
        for experiment in ("quickstart-0-1", "quickstart-1-1"):
            for copy in range(1, copies):
                _copy(store, experiment, copy)
        store.db.run("PRAGMA wal_checkpoint(TRUNCATE)")


def _copy(store: Store, experiment: str, copy: int) -> None:
    """Every row of the experiment's plays once more, as further attempts at further problems."""
    db, mark = store.db.raw, f"~{copy}"
    shift = store.db.value("SELECT max(seq) FROM trajectory")
    place = "experiment, seed, round, phase, task, attempt, branch, draw"
    rows = db.execute(f"SELECT id, {place} FROM trajectory WHERE experiment = ? AND attempt < {FURTHER}", [experiment])
    moved = [(row[0], SeedPath(row[1], *row[2:5], row[5] + mark, row[6] + FURTHER * copy, *row[7:]).id) for row in rows]
    db.execute("CREATE TEMP TABLE IF NOT EXISTS moved(old TEXT PRIMARY KEY, new TEXT)")
    db.execute("DELETE FROM moved")
    db.executemany("INSERT INTO moved VALUES (?, ?)", moved)

    def new(name: str) -> str:
        return f"(SELECT new FROM moved WHERE old = {name})"

    changed = {
        "task": {"id": f"id || '{mark}'", "grp": f"grp || '{mark}'"},
        "trajectory": {"seq": f"seq + {shift}", "id": new("id"), "task": f"task || '{mark}'", "parent": new("parent"),
                       "attempt": f"attempt + {FURTHER * copy}"},
        "turn": {"trajectory": f"trajectory + {shift}"},
        "repair": {"seq": "NULL", "id": f"id || '{mark}'", "task": f"task || '{mark}'", "failed": new("failed"),
                   "mend": new("mend"), "replay": new("replay")},
        "example": {"position": f"position + {copy * 10**6}", "trajectory": new("trajectory")},
        "membership": {"position": f"position + {copy * 10**6}", "task": f"task || '{mark}'"},
    }
    played = "id IN (SELECT old FROM moved)"
    chosen = {
        "task": "instr(id, '~') = 0 AND id IN (SELECT task FROM trajectory WHERE " + played + ")",
        "trajectory": played,
        "turn": f"trajectory IN (SELECT seq FROM trajectory WHERE {played})",
        "repair": "failed IN (SELECT old FROM moved)",
        "example": "trajectory IN (SELECT old FROM moved)",
        "membership": f"experiment = '{experiment}' AND instr(task, '~') = 0",
    }
    with store.write():
        for table, values in changed.items():
            names = [row["name"] for row in db.execute(f"PRAGMA table_info({table})")]
            order = "ORDER BY seq" if "seq" in names else ""
            db.execute(f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values.get(n, n) for n in names)} "
                       f"FROM {table} WHERE {chosen[table]} {order} ON CONFLICT DO NOTHING")


def pages(path: Path) -> dict[str, tuple[str, dict[str, str]]]:
    """{name of a view: (page, its query)}"""
    with Store(path) as store:
        done, waiting = sorted((e.id for e in store.experiments.all()), key=lambda i: i.split("-")[-2])
        failed = Browse(store.db).mended(done)[0]
    return {
        "overview": ("overview", {"exp": done}),
        "run": ("run", {"exp": done}),
        "explore": ("explore", {"exp": done}),
        "explore, wrong": ("explore", {"exp": done, "ex_outcome": "wrong"}),
        "explore, words": ("explore", {"exp": done, "ex_words": "train"}),
        "episode": ("explore", {"exp": done, "traj": failed}),
        "review": ("review", {"exp": waiting}),
        "library": ("library", {"exp": done}),
        "settings": ("settings", {"exp": done}),
    }


# -- queries -----------------------------------------------------------------------------------------------------------
@contextmanager
def timed(into: list[tuple[str, float]]) -> Iterator[None]:
    """Every statement of every connection, with the milliseconds until its last row was read."""
    kept = {name: getattr(Connection, name) for name in ("rows", "row", "each", "run")}

    def watched(name: str) -> Callable[..., Any]:
        def ask(self: Connection, sql: str, *values: Any) -> Any:
            start = time.perf_counter()
            found = kept[name](self, sql, *values)
            found = iter(list(found)) if name == "each" else found
            into.append((" ".join(sql.split()), 1000 * (time.perf_counter() - start)))
            return found

        return ask

    for name in kept:
        setattr(Connection, name, watched(name))
    try:
        yield
    finally:
        for name, method in kept.items():
            setattr(Connection, name, method)


def queries(path: Path) -> None:
    from streamlit.testing.v1 import AppTest

    os.environ.update(SIRIUS_DB=str(path), SIRIUS_AUTOSTART="0")
    print(f"\n{'page':16} {'queries':>7} {'all, ms':>8} {'script, ms':>10}   slowest; * over the goal of {GOALS} ms")
    for name, (page, query) in pages(path).items():
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        app.query_params.update(query)
        app.run()
        app.query_params.update(query)
        app.switch_page(f"pages/{page}.py").run()
        best: dict[tuple[int, str], float] = {}
        whole = float("inf")
        for _ in range(REPEATS):
            asked: list[tuple[str, float]] = []
            start = time.perf_counter()
            with timed(asked):
                app.run()
            whole = min(whole, 1000 * (time.perf_counter() - start))
            assert not app.exception, app.exception
            for place, (sql, ms) in enumerate(asked):
                best[place, sql] = min(ms, best.get((place, sql), ms))
        asked = [(sql, ms) for (_, sql), ms in best.items()]
        print(f"{name:16} {len(asked):7} {sum(ms for _, ms in asked):8.1f} {whole:10.0f}")
        for sql, ms in sorted(asked, key=lambda x: -x[1])[:4]:
            kind = "search" if "MATCH" in sql or "LIKE" in sql else "aggregate" if COUNTING.search(sql) else "page"
            if ms > 1:
                print(f"{'':16} {'*' if ms > GOALS[kind] else ' '}{ms:6.1f} ms {kind:9} {sql[:130]}")


# -- the browser -------------------------------------------------------------------------------------------------------
@contextmanager
def chromium() -> Iterator[Any]:
    from browser import CHROMIUM
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1360, "height": 900})
        page.set_default_timeout(120_000)
        yield page
        browser.close()


@contextmanager
def served(path: Path) -> Iterator[str]:
    from browser import Server

    server = Server(path)
    try:
        yield server.ready()
    finally:
        server.end()


def painted(page: Any, address: str) -> float:
    """Milliseconds from the request to the page that stands."""
    start = time.perf_counter()
    page.goto(address)
    page.locator("[data-testid=stMain] h1").first.wait_for()
    page.evaluate("window.__pressed = 0")
    page.wait_for_function(PAINTED, arg="")
    return 1000 * (time.perf_counter() - start)


def paint(paths: dict[str, Path]) -> None:
    with served(paths["small"]) as one, served(paths["large"]) as two, chromium() as page:
        print(f"\n{'first paint':16} {'small, ms':>10} {'large, ms':>10} {'ratio':>6}   median of {REPEATS}; goal 2")
        views = {name: pages(path) for name, path in paths.items()}
        for name in views["small"]:
            times: dict[str, list[float]] = {"small": [], "large": []}
            for repeat in range(REPEATS + 1):
                for which, address in (("small", one), ("large", two)):
                    where, query = views[which][name]
                    asked = "&".join(f"{k}={v}" for k, v in query.items())
                    ms = painted(page, f"{address}/{where}?{asked}")
                    times[which] += [ms] if repeat else []
            small_ms, large_ms = (statistics.median(times[which]) for which in ("small", "large"))
            print(f"{name:16} {small_ms:10.0f} {large_ms:10.0f} {large_ms / small_ms:6.2f}", flush=True)


def keys(path: Path) -> None:
    """50 keys as a reviewer presses them: accept, reject, skip; of a blind repair first "cannot tell"."""
    from browser import button, opened

    with served(path) as address, chromium() as page:
        opened(page, f"{address}/review?exp={pages(path)['review'][1]['exp']}")
        page.evaluate("addEventListener('keydown', () => { window.__pressed = performance.now(); }, true)")
        took: dict[str, list[float]] = {}
        for number in range(PRESSES):
            page.wait_for_timeout(450)
            button(page, "reject").wait_for()
            wanted = "axx"[number % 3] if number % 10 < 9 else "ArrowRight"
            key = "0" if button(page, "reject").is_disabled() else wanted
            key = "x" if key == "a" and button(page, "accept").is_disabled() else key
            before = page.evaluate("document.querySelector('[data-testid=stMain]').textContent")
            page.keyboard.press(key)
            took.setdefault(key, []).append(page.wait_for_function(PAINTED, arg=before).json_value())
        every = sorted(ms for found in took.values() for ms in found)
        at = {share: every[min(len(every) - 1, int(share * len(every)))] for share in (0.5, 0.95)}
        print(f"\n{PRESSES} keys to the next repair: p50 {at[0.5]:.0f} ms, p95 {at[0.95]:.0f} ms (goal 300); "
              + ", ".join(f"{key} {statistics.median(found):.0f}" for key, found in sorted(took.items())))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("parts", nargs="*", default=["queries", "paint", "keys"])
    parser.add_argument("--copies", type=int, default=4, help="of every problem of the large database")
    parser.add_argument("--keep", type=Path, help="a folder in which the two databases stay for the next time")
    options = parser.parse_args()
    sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "e2e")]  # who acts, and who opens pages
    with tempfile.TemporaryDirectory() as folder:
        home = options.keep or Path(folder)
        paths = {"small": home / "small.db", "large": home / "large.db"}
        if not paths["large"].exists():
            home.mkdir(exist_ok=True)
            small(paths["small"])
            large(paths["large"], options.copies)
        for name, path in paths.items():
            with Store(path) as store:
                counts = ", ".join(f"{store.db.value(f'SELECT count(*) FROM {table}'):,} {what}" for table, what in (
                    ("trajectory", "episodes"), ("turn", "turns"), ("repair", "repairs"), ("example", "examples")))
            print(f"{name}: {counts}; {path.stat().st_size / 2**20:.0f} MB")
        if "queries" in options.parts:
            queries(paths["large"])
        if "paint" in options.parts:
            paint(paths)
        if "keys" in options.parts:
            keys(paths["large"])


if __name__ == "__main__":
    main()
