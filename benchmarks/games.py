"""How many scripted games of six messages the rules play in a second, on one core, from raw tagged text.

    nice python benchmarks/games.py [--games 2000] [--repeats 7] [--json]

Each game is a script of six whole replies with all tags (700 characters or so, as models write them), drawn by a seed:
five offers and an ACCEPT, legal, read one by one with `State.said`; then the outcome is asked for. Seconds are of
processor time, so that other work on the machine costs less; best and median of the repeats. `repeated`: offers as
drawn, in which the same amounts come again and are read once; `fresh`: in every game they are read anew. Below them the
microseconds of a message, by part.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sirius_core import games
from sirius_core.games import strict, tags, trades

GOAL = 20_000  # games a second
TALK = ("I looked at what you wrote and thought about what it would leave me with. I could go along with most of it, "
        "but not with all, so here is what I would do instead. I hope that we find each other soon.")
Script = tuple[games.Setting, Sequence[str]]


def scripts(name: str, number: int, seed: int = 0) -> list[Script]:
    """``number`` games as (setting, six texts), every one legal to its end."""
    draw = random.Random(f"{name} {seed}")
    setting = games.setting(name)
    made = []
    for _ in range(number):
        state, texts = games.start(setting), []
        for turn in range(6):
            move = games.accept if turn == 5 else OFFERS[name](draw)
            texts.append(games.write(setting, state.seat, move, turn, message=TALK, reason=TALK))
            state, event = state.said(texts[-1])
            assert event.valid, event.why
        assert state.outcome is not None and state.outcome.ended == "accepted"
        made.append((setting, texts))
    return made


OFFERS: dict[str, Callable[[random.Random], games.Move]] = {
    "resource_exchange": lambda draw: games.offer(
        {"X": draw.randint(1, 25), "Y": draw.randint(0, 5)}, {"X": draw.randint(0, 5), "Y": draw.randint(1, 25)}),
    "ultimatum": lambda draw: games.offer({"Dollars": draw.randint(0, 100)}),
    "sell_and_buy": lambda draw: games.offer({"X": 1}, {"ZUP": draw.randint(20, 90)}),
}


def play(script: Sequence[Script]) -> None:
    for setting, texts in script:
        state = games.start(setting)
        for text in texts:
            state, _ = state.said(text)
        if state.outcome is None:
            raise AssertionError("the script does not end")


def play_fresh(script: Sequence[Script]) -> None:
    for one in script:
        trades._gives.cache_clear()
        play((one,))


def seconds(work: Callable[[], object], repeats: int) -> tuple[float, float]:
    """(best, median) of the processor time of ``work``."""
    taken = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken), statistics.median(taken)


def parts(script: Sequence[Script], repeats: int) -> dict[str, float]:
    """Microseconds of one message, the best of the repeats."""
    said = [text for _, texts in script for text in texts]
    opening, closing = f"<{tags.TRADE}>", f"</{tags.TRADE}>"
    offers = [words for text in said if (words := tags.part(text, opening, closing)) != "NONE"]
    setting, given = script[0][0], [trades.read(words) for words in offers]
    per = {
        "one part": seconds(lambda: [tags.part(text, opening, closing) for text in said], repeats)[0] / len(said),
        "reading an offer": seconds(lambda: [trades.read(words) for words in offers], repeats)[0] / len(offers),
        "its legality": seconds(lambda: [strict.settled(setting, one) for one in given], repeats)[0] / len(offers),
        "all": seconds(lambda: play(script), repeats)[0] / len(said),
    }
    return {name: 1e6 * value for name, value in per.items()}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--games", type=int, default=2000)
    arguments.add_argument("--repeats", type=int, default=7)
    arguments.add_argument("--json", action="store_true")
    options = arguments.parse_args()
    rows: list[dict[str, Any]] = []
    for name in games.GAMES:
        script = scripts(name, options.games)
        length = statistics.mean(len(text) for _, texts in script for text in texts)
        row: dict[str, Any] = {"game": name, "characters": round(length)}
        for column, work in (("repeated", play), ("fresh", play_fresh)):
            best, median = seconds(partial(work, script), options.repeats)
            row[column] = {"best": options.games / best, "median": options.games / median}
        row["parts"] = parts(script, options.repeats)
        rows.append(row)
    if options.json:
        print(json.dumps(rows))
        return
    for row in rows:
        print(f"{row['game']}: replies of {row['characters']} characters")
        for column in ("repeated", "fresh"):
            best, median = row[column]["best"], row[column]["median"]
            print(f"  {column:<9} {best:>7,.0f} games/s ({median:,.0f}); {best / GOAL:.2f} of {GOAL:,}")
        print("  a message, us: " + ", ".join(f"{part} {value:.2f}" for part, value in row["parts"].items()))


if __name__ == "__main__":
    main()
