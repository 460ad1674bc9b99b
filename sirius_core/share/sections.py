"""The parts of a bundle, each (store, experiment, reports) to HTML, or "" where there is nothing to say."""

from __future__ import annotations

import json
import shlex
import statistics as medians
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from .. import __version__, figures, statistics, tasks
from ..games import GAMES
from ..imports import imported
from ..settings import PRESETS, Settings, preset
from ..store import Experiment, Store
from ..store.browse import Browse
from ..trajectories import Repair, Task, Trajectory
from . import drawing
from .matrix import players
from .words import diff, measured, p_value, public, said, share, table, text

Reports = Sequence[Mapping[str, Any]]
SPLITS = {"heldout": "Held-out problems", "new_wordings": "New wordings", "withheld_forms": "Withheld question forms"}
PLANTED = ("The base was taught wrong on purpose: its textbook plants misconceptions, so that there is something to "
           "unlearn. ")
HAGGLED = "The base has read nothing but games between scripted players, patient and hasty, careful and careless. "
TINY = "The figures show this loop at work on a tiny model; they are no evidence about large ones."
GAINED = ("A game counts as won where the learner's score clears the threshold (0.5 is an even deal) against the "
          "untrained model; each amount is played from both seats.")
EXAMPLES = 3
SHORT, FOLDED = 120, 600  # characters of an answer that is told whole; of a later turn that is not folded
FIGURES = {
    "accuracy": ("Accuracy by round", "Bars are 95 % intervals; problems that nobody trains on."),
    "controls": ("What the critic bought", "Share of failed problems that were mended, each arm with equally many "
                 "calls. Mended is not yet learned."),
    "roles": ("Who does their part", "How often each role is right when everything that it was handed is right."),
    "library": ("Examples per role", "What each role learned from."),
    "panel": ("Inside the panel", "Votes, single agents and, where votes were the labels, how often these were right."),
    "diversity": ("How alike the agents are", "Consensus: answers that are the most frequent one of their problem. "
                  "Text distance: between replies that agree with the vote."),
    "revision": ("What hearing the others does", "How many right answers stay right and how many wrong ones are mended "
                 "by the last step of the debate."),
    "balance": ("Exploration and exploitation", "Of a round's training tries: problems that some try solves, how much "
                "of what is kept is right, and both in one score (B-STaR)."),
    "first_and_final": ("First and final answers", "What judging and revising add to an actor's first answers; dotted: "
                        "right and judged True."),
    "judging": ("Judge, mending, spoiling", "How often the judge is right, right and wrong answers weighing alike; of "
                "what it flags, how much is mended; of the right answers, how many are spoilt."),
    "pass_at_k": ("Skill or luck of the draw: pass@k", "Problems solved within k tries: what the base can do, given "
                  "many tries, against the team now."),
}


def head(store: Store, e: Experiment, reports: Reports) -> str:
    title = f"<h1>{text(e.name[:200])}</h1>"
    if imported(e):
        return f'<header>{title}<p class="soft">{text(_landed(store, e))}</p></header>'
    s, closed = e.settings, max(0, len(reports) - 1)
    rounds = f"{s.rounds} round{'s' * (s.rounds != 1)}"
    if closed < s.rounds:
        rounds = f"{closed} of {rounds} closed"
    who = f"model {s.model}" if s.model else f"checkpoint {public(s.checkpoint)}" if s.checkpoint else \
        f"the lab's own tiny language model, base {s.base}"
    line = (f"{rounds} · {s.problems:,} training problems, up to {s.max_solutions} tries each · "
            f"recipe {public(s.recipe)} · {who} · seed {e.seed}")
    played = s.source in GAMES
    honest = "" if s.model or s.checkpoint else f"{HAGGLED if played else PLANTED}{TINY}"
    honest = "".join(f'<p class="soft">{said}</p>' for said in (honest, GAINED if played else "") if said)
    return f'<header>{title}<p class="soft">{text(line)}</p>{honest}{_cards(store, e, reports)}</header>'


def _splits(e: Experiment) -> dict[str, str]:
    """{split: its name for people}, those of games by their own names."""
    if e.settings.source not in GAMES:
        return SPLITS
    return {split: tasks.split_title(e.settings.source, split).capitalize() for split in ("heldout", "withheld_forms")}


def _landed(store: Store, e: Experiment) -> str:
    """What an import brought, in a line."""
    body = store.experiments.measurement(e.id, "import") or {}
    landed, right, wrong, rest = (body.get(key, 0) for key in ("landed", "right", "wrong", "not_judged"))
    return (f"{landed:,} imported trace{'s' * (landed != 1)} of {public(str(body.get('file', '')))}: {right:,} right, "
            f"{wrong:,} wrong, {rest:,} not judged. Nobody was trained on them here.")


def _cards(store: Store, e: Experiment, reports: Reports) -> str:
    if not reports:
        return "<p>Nothing is measured yet.</p>"
    base, last, cards = reports[0], reports[-1], []
    for split, name in _splits(e).items():
        if split in last["tests"]:
            now = last["tests"][split]["sampled"]
            against = ""
            if last["round"]:
                was, test = base["tests"][split]["sampled"], _against_base(store, e, split, last["round"])
                p = p_value(test.p)
                against = (f"<br>{100 * (now['accuracy'] - was['accuracy']):+.1f} points against the base, "
                           f"p {text(p if p.startswith('<') else f'= {p}')}")
            cards.append(f'<div class="card">{name}<b>{share(now["accuracy"], 1)}</b>'
                         f'<span>{text(measured(now).partition(" ")[2].removeprefix("% "))}{against}</span></div>')
    return f'<div class="cards">{"".join(cards)}</div>'


def _against_base(store: Store, e: Experiment, split: str, round: int) -> statistics.Paired:
    browse, phase = Browse(store.db), f"evaluate:{split}:sampled"
    one, two = (browse.right(e.id, r, phase, threshold=e.settings.threshold) for r in (0, round))
    ids = [task for task in one if task in two]
    return statistics.mcnemar([one[t] for t in ids], [two[t] for t in ids])


def rounds(store: Store, e: Experiment, reports: Reports) -> str:
    """The table of rounds."""
    if not reports:
        return ""
    lines = []
    for r in reports:
        tests = [measured(r["tests"][split]["sampled"]) if split in r["tests"] else "" for split in _splits(e)]
        changed = "" if r["p_vs_previous"] is None else f"+{r['gained']} −{r['lost']}"
        lines.append([r["round"], *tests, share(r["greedy_accuracy"]), changed, p_value(r["p_vs_previous"]),
                      r["repaired"], f"{r['seconds']:.0f}"])
    return ("<section><h2>Round by round</h2>"
            + table(["round", *_splits(e).values(), "greedy", "changed", "p", "mended", "seconds"], lines)
            + '<p class="soft">In brackets the 95 % interval and what was counted. Changed: problems that went from '
            "wrong to right, and the other way, since the round before; p: McNemar's exact test of that, two-sided, "
            "not corrected for the number of rounds. Round 0 is the base, untrained.</p></section>")


def drawn(store: Store, e: Experiment, reports: Reports) -> str:
    """The figures as they were stored when the last round closed."""
    parts = []
    for name, (title, what) in FIGURES.items():
        if name == "pass_at_k":
            found = store.experiments.measurement(e.id, name)
            figure = figures.pass_at_k(found) if found else None
        else:
            body = store.experiments.figure(e.id, name)
            figure = json.loads(body) if body else None
            if figure and name == "accuracy" and e.settings.source in GAMES:
                figure = figures.of_games(figure)
        if figure and any(t.get("x") and t.get("y") for t in figure["data"]):
            parts.append(f'<figure><h2>{title}</h2><p class="soft">{what}</p>{drawing.legend(figure)}'
                         f"{drawing.draw(figure, title)}</figure>")
    return f'<section class="figures">{"".join(parts)}</section>' if parts else ""


def examples(store: Store, e: Experiment, reports: Reports) -> str:
    """A few failures that a repair mended: the critique, the rewritten turn as a diff, what it led to."""
    parts, seen, left_out = [], set(), False
    for name in Browse(store.db).mended(e.id, 8 * EXAMPLES):
        failed = store.episodes.get(name)
        task = store.episodes.task(failed.path.task)
        if task.id in seen:
            continue
        seen.add(task.id)
        if tasks.restricted(task):
            left_out = True
            continue
        repair = next(r for r in store.repairs.of_failed(failed.id) if r.mended and r.replay)
        parts.append(_example(task, failed, repair, store.episodes.get(repair.replay or "")))
        if len(parts) == EXAMPLES:
            break
    if left_out:
        parts.append('<p class="soft">Some problems are left out: their licence keeps their text out of exports.</p>')
    return f"<section><h2>Failures that were mended</h2>{''.join(parts)}</section>" if parts else ""


def _example(task: Task, failed: Trajectory, repair: Repair, replay: Trajectory) -> str:
    def shown(value: str | None) -> str:
        return tasks.readable(task.source, value or "–")

    def answer(t: Trajectory) -> str:
        """Of a long reply what was read in it."""
        said = shown(t.outcome.answer)
        return text((said if len(said) <= SHORT else (t.reward and t.reward.read) or said)[:300])

    turn = repair.turn or 0
    rewritten = diff(shown(failed.turns[turn].text), shown(repair.rephrased))
    later = "".join(
        _folded(f"Then the {text(new.role)}", diff(shown(old.text), shown(new.text)), len(new.text) > FOLDED)
        for old, new in zip(failed.turns[turn + 1 :], replay.turns[turn + 1 :]) if old.text != new.text)
    return (f"<article>{said(shown(task.question))}<p>Right is {text(shown(task.answer)[:300])}; the team said "
            f"{answer(failed)}.</p><p>The critic:</p>{said(shown(repair.critique))}"
            f"<p>The {text(repair.role)}’s turn, rewritten:</p>{rewritten}"
            f"{later}<p>Played again, the team says {answer(replay)}.</p></article>")


def _folded(title: str, body: str, long: bool) -> str:
    return f"<details><summary>{title}</summary>{body}</details>" if long else f"<p>{title}:</p>{body}"


def decisions(store: Store, e: Experiment, reports: Reports) -> str:
    """What people decided: by verdict, and how long they looked."""
    found = store.repairs.decisions(e.id)
    if not found:
        return ""
    counts = Counter(d.verdict for d in found.values())
    reasons = Counter(d.reason for d in found.values() if d.verdict == "reject" and d.reason)
    authors = len({d.author for d in found.values()})
    line = (f"{len(found):,} decisions by {authors} {'person' if authors == 1 else 'people'}: {counts['accept']} "
            f"accepted, {counts['edit']} edited, {counts['reject']} rejected; median "
            f"{medians.median(d.seconds for d in found.values()):.0f} s on the screen.")
    why = table(["reason of a rejection", "times"], sorted(reasons.items())) if reasons else ""
    return f"<section><h2>What people decided</h2><p>{text(line)}</p>{why}</section>"


def provenance(store: Store, e: Experiment, reports: Reports) -> str:
    """Training sets and checkpoints by their hashes: what has to come out again."""
    updates = {(u.round, u.model): u for u in store.weights.updates(e.id)}
    lines = []
    for s in store.weights.training_sets(e.id):
        update, kept = updates.get((s["round"], s["model"])), store.weights.models(e.id, s["round"])
        gate = "" if update is None or kept is None else \
            "kept" if kept[0].get(s["model"]) == update.after else "rejected"
        lines.append([s["round"], "all" if s["model"] == "*" else s["model"], s["n"], s["direct"], s["repaired"],
                      s["edited"], s["hash"][:16], update.after[:16] if update else "", gate])
    data = store.experiments.measurement(e.id, "data") or {}
    told = f"<p>{text(public(data['line']))}</p>" if data.get("line") else ""
    sets = table(["round", "role", "examples", "direct", "repaired", "edited", "training set", "checkpoint", "gate"],
                 lines) if lines else ""
    machine = json.dumps({k: public(v) for k, v in (e.machine or {}).items()}, sort_keys=True, ensure_ascii=False)
    made = f"Experiment {e.id}, made {e.created_at} with settings below; machine {machine}."
    return f'<section><h2>Provenance</h2>{told}{sets}<p class="soft">{text(made)}</p></section>'


def repeat(store: Store, e: Experiment, reports: Reports) -> str:
    """The command line that makes the same again, and every setting."""
    if imported(e):
        body = store.experiments.measurement(e.id, "import") or {}
        again = f"sirius import {shlex.quote(public(str(body.get('file', ''))))}"
        return (f"<section><h2>Do it again</h2><pre>{text(again)}</pre><p>With Sirius Lab {text(__version__)}: the "
                "same file gives the same traces.</p></section>")
    every = {name: public(value) for name, value in e.settings.as_dict().items()}
    body = json.dumps(every, indent=2, ensure_ascii=False, sort_keys=True)
    return (f"<section><h2>Do it again</h2><pre>{text(command(e))}</pre><p>With Sirius Lab {text(__version__)}: the "
            "same seed, settings and machine give the same report and the same training sets. Every setting:</p>"
            f'<pre class="settings">{text(body)}</pre></section>')


def command(e: Experiment) -> str:
    """``sirius run quickstart --seed 0 --set rounds=2``; of no preset's name the settings below as a file."""
    known = e.name in PRESETS
    start = preset(e.name) if known else Settings()
    before, now = start.as_dict(), e.settings.as_dict()
    changed = [f"--set {shlex.quote(f'{k}={public(v)}')}" for k, v in now.items() if v != before[k]] if known else []
    return " ".join(["sirius run", e.name if known else "settings.json", f"--seed {e.seed}", *changed])


ALL = (head, rounds, drawn, players, examples, decisions, provenance, repeat)
