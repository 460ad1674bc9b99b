"""The database as tidy pandas frames, and the app's figures, for notebooks.

    lab = frames.open("lab.db")
    lab.rounds()                      one row per experiment and closed round
    lab.rounds("quickstart-0-1")      of one experiment
    lab.figure("accuracy")            the figure of the overview page, as a Plotly figure

Every frame has one row per fact and names its keys alike: ``experiment``, ``round``, ``trajectory``, ``turn``,
``repair``. Nothing here writes. A connection belongs to the thread that opened it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from types import TracebackType
from typing import TYPE_CHECKING, Any

from . import credit, figures, review, tables, whatif
from .contrast.listing import listing
from .contrast.tidy import ContrastFrames
from .errors import Missing, UnknownName
from .flows import FlowFrames
from .games import GAMES
from .lessons.curves import LessonFrames
from .scoresheet import SheetFrames
from .store import Store
from .store.browse import Browse, Filter
from .store.search import WIDTH, Search
from .tidy_games import GameFrames

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure


def open(db: str | os.PathLike[str] = "lab.db") -> Frames:
    """The frames of a database that exists."""
    if not os.path.exists(db):
        raise Missing(f"there is no database {os.fspath(db)!r}; sirius run quickstart makes one")
    return Frames(Store(db))


class Frames(ContrastFrames, LessonFrames, FlowFrames, GameFrames, SheetFrames):
    """``frames.open("lab.db")``: a method per frame; ``experiment`` narrows a frame to one experiment."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def experiments(self) -> pd.DataFrame:
        """experiment, name, recipe, seed, contrast, arm, status, rounds, seconds, created_at, base, now; newest first.

        ``base`` and ``now`` are held-out accuracies of the first and the last closed round.
        """
        frame = self._frame("experiments")
        ends = [(r[0]["accuracy"], r[-1]["accuracy"]) if (r := self.store.experiments.reports(e)) else (None, None)
                for e in frame["experiment"]]
        frame["base"], frame["now"] = ([end[i] for end in ends] for i in (0, 1))
        return frame

    def listing(self, most: int = 50) -> pd.DataFrame:
        """The newest experiments that stand alone and contrasts, a row each (see `contrast.listing`)."""
        frame = _made(listing(self.store, most))
        return frame.astype(dict.fromkeys(("seed", "runs", "rounds"), "Int64")) if len(frame) else frame

    def settings(self, experiment: str | None = None) -> pd.DataFrame:
        """One row per experiment, one column per setting."""
        found = [e for e in self.store.experiments.all() if experiment in (None, e.id)]
        return _made([{"experiment": e.id, **e.settings.as_dict()} for e in found])

    def rounds(self, experiment: str | None = None, upto: int | None = None) -> pd.DataFrame:
        """One row per closed round (up to ``upto``): n, correct, accuracy, low, high, p_vs_previous, lucky, ..."""
        flat = ("round", "n", "correct", "accuracy", "low", "high", "greedy_accuracy", "new_wordings_accuracy",
                "withheld_forms_accuracy", "p_vs_previous", "gained", "lost", "lucky", "lucky_library", "repaired",
                "repairs", "solved", "seconds")
        rows = []
        for e, report in self._reports(experiment):
            if upto is not None and report["round"] > upto:
                continue
            updates = report.get("updates", {})
            rows.append({"experiment": e, **{name: report.get(name) for name in flat},
                         "accepted": updates.get("accepted"), "rejected": updates.get("rejected")})
        return _made(rows)

    def tests(self, experiment: str | None = None) -> pd.DataFrame:
        """One row per round, test split, part (all, family_decides, form_decides) and mode (sampled, greedy)."""
        rows = []
        for e, report in self._reports(experiment):
            for split, found in report["tests"].items():
                parts = {
                    "all": {m: found[m] for m in ("sampled", "greedy") if m in found},
                    **{k: v for k, v in found.items() if k.endswith("_decides")},
                }
                rows += [
                    {"experiment": e, "round": report["round"], "split": split, "part": part, "mode": mode, **record}
                    for part, modes in parts.items()
                    for mode, record in modes.items()
                ]
        return _made(rows)

    def base_and_now(self, experiment: str, round: int | None = None) -> pd.DataFrame:
        """Every test: the base against a round (the last), with n, intervals, McNemar's p, and greedy accuracies."""
        return _made(tables.base_and_now(self.store, self.store.experiments.get(experiment), round))

    def learned(self, experiment: str, round: int | None = None) -> pd.DataFrame:
        """What each model learned from, by round (up to ``round``), what was made of it, and the gate's word."""
        return _made(tables.learned(self.store, self.store.experiments.get(experiment), round))

    def misconceptions(self, base: str = "misled") -> pd.DataFrame:
        """What the textbook of a base of the embedded model plants: the right formula, how often it is taught."""
        return _made(tables.misconceptions(base))

    def roles(self, experiment: str | None = None) -> pd.DataFrame:
        """Each role's accuracy given right inputs, per round."""
        return _made([{"experiment": e, "round": report["round"], "role": role, **record}
                      for e, report in self._reports(experiment) for role, record in report["roles"].items()])

    def controls(self, experiment: str | None = None) -> pd.DataFrame:
        """Critic, blind critic, playing again within equal calls: arm, n, correct, accuracy, low, high, calls, spent"""
        return _made(
            [
                {"experiment": e, "round": report["round"], "arm": arm, **record}
                for e, report in self._reports(experiment)
                for arm, record in report.get("controls", {}).items()
            ]
        )

    def measures(self, experiment: str | None = None, round: int | None = None) -> pd.DataFrame:
        """Measures beside accuracy, a row each: round, measure, where, value, low, high, n, p (`measures.NAMES` says
        what they are)."""
        return _made([{"experiment": e, "round": r["round"], **row} for e, r in self._reports(experiment)
                      if round in (None, r["round"]) for row in r.get("measures", ())])

    def credit(self, experiment: str | None = None) -> pd.DataFrame:
        """Who earned it, a row per role and way (left_out, added, shapley): value, low, high, n; gained, lost, p, holm
        of the paired tests."""
        return _made([{"experiment": e, **row} for e in self._ids(experiment) for row in credit.rows(self.store, e)])

    def credit_teams(self, experiment: str | None = None) -> pd.DataFrame:
        """The teams that were played for it: trained (the roles), n, correct, accuracy, low, high."""
        return _made([{"experiment": e, "round": found["round"], "trained": name, **team} for e in self._ids(experiment)
                      if (found := credit.measured(self.store, e)) for name, team in found["teams"].items()])

    def usage(self, experiment: str | None = None) -> pd.DataFrame:
        """What each closed round took: calls, tokens_in, tokens_out, cost (US dollars; missing if any is unknown)."""
        names = ("calls", "tokens_in", "tokens_out", "cost")
        rows = [{"experiment": e, "round": report["round"], **{name: report["usage"][name] for name in names}}
                for e, report in self._reports(experiment) if "usage" in report]
        frame = _made(rows)
        return frame.astype({"cost": float}) if len(frame) else frame

    def faults(self, experiment: str | None = None) -> pd.DataFrame:
        """Attempts at calls that failed, by name, per closed round: experiment, round, fault, attempts."""
        return _made([{"experiment": e, "round": report["round"], "fault": name, "attempts": n}
                      for e, report in self._reports(experiment) for name, n in report.get("faults", {}).items()])

    def instructions(self, experiment: str | None = None) -> pd.DataFrame:
        """One row per rewritten instruction: before, after, why, verdict (of people), kept (whether it is in force)."""
        from .finetune.spoken import Spoken

        rows = []
        for e in self._ids(experiment):
            decided = self.store.rewrites.decisions(e)
            for r in self.store.rewrites.find(e):
                gate = self.store.weights.models(e, r.round)
                texts = [text for name in (gate[0].values() if gate else ())
                         if (blob := self.store.weights.get(name))[:1] == b"{"
                         for text in Spoken.parse(blob).system.values()]
                decision = decided.get(r.id)
                said = r.after if decision is None else decision.text
                rows.append({"experiment": e, "round": r.round, "model": r.model, "before": r.before, "after": said,
                             "why": r.why, "verdict": None if decision is None else decision.verdict,
                             "kept": None if gate is None else said in texts, "writer": r.writer})
        return _made(rows)

    def trajectories(self, experiment: str | None = None) -> pd.DataFrame:
        """One row per episode with its question, answer, gold answer, reward, stop, parent; without its turns."""
        return self._frame("trajectories", experiment)

    def episodes(
        self, experiment: str, *, said: str = "", after: int = 0, limit: int = 50, **wanted: Any
    ) -> pd.DataFrame:
        """A page of the explore page's table: the next ``limit`` judged episodes after ``seq`` that fit.

        ``wanted`` is any of round, group, outcome, mended, family, subject, words (see store.filters.Filter); ``said``
        are words that some turn must hold, among the first 20,000 turns that hold them.
        """
        places = Search(self.store.db).places(experiment, said) if said.strip() else None
        among = None if places is None else tuple(sorted({place // WIDTH for place in places}))
        found = Browse(self.store.db).episodes(experiment, Filter(**wanted, among=among), after=after, limit=limit)
        return _made([vars(row) for row in found])

    def inquiries(self, experiment: str | None = None, *, inquiry: str | None = None) -> pd.DataFrame:
        """What was asked about episodes: one row per way of playing on (``variant``: edited, unedited, or the first
        turn that is said afresh), ``right`` of ``n`` with Wilson's interval, once it is answered.

        Of a what-if ``difference`` is edited minus unedited; of a blame it is that turn's share, with its interval.
        """
        rows = []
        for a in self.store.inquiries.find(experiment):
            if inquiry in (None, a.id):
                asked = {"inquiry": a.id, "experiment": a.experiment, "trajectory": a.trajectory, "kind": a.kind,
                         "turn": a.turn, "text": a.text, "spoken": a.spoken, "author": a.author, "kept": a.kept,
                         "status": a.status}
                rows += [{**asked, **line} for line in whatif.lines(whatif.read(a.kind, a.result))]
        return _made(rows)

    def turns(self, experiment: str | None = None) -> pd.DataFrame:
        """One row per call of a model: role, prompt, text, origin, tokens; ``mark`` where the rule marks turns."""
        return self._frame("turns", experiment)

    def repairs(self, experiment: str | None = None) -> pd.DataFrame:
        """One row per attempt to mend a failure; ``phase`` is repair, or control for the comparison's."""
        return self._frame("repairs", experiment)

    def evidence(self, experiment: str, round: int) -> pd.DataFrame:
        """One row per repair of a round and way of playing on (rewritten, unedited, afresh): ``right`` of ``n``."""
        return _made(tables.evidence(self.store, self.store.experiments.get(experiment), round))

    def decisions(self, experiment: str | None = None) -> pd.DataFrame:
        """Every decision of a person in order, undone ones included; ``in_force`` marks those that count."""
        return self._frame("decisions", experiment)

    def queue(self, experiment: str, round: int) -> pd.DataFrame:
        """A round's queue for people in its order, without planted repairs: kind, why, decision, and how often the
        episode came out right when it was played on from the rewrite, from the turn as it was, and with that turn said
        afresh (``..._right`` of ``..._n``)."""
        rows = []
        for item in review.items(self.store, experiment, round):
            if not item.planted:
                found = review.evidence(self.store, item.id)._asdict().items()
                rows.append({"item": item.id, "kind": item.kind, "why": item.why, "blind": item.blind,
                             "flagged": item.flagged, "verdict": item.decision and item.decision.verdict,
                             **{f"{way}_right": right for way, (right, _) in found},
                             **{f"{way}_n": n for way, (_, n) in found}})
        return _made(rows)

    def flags(self, experiment: str | None = None) -> pd.DataFrame:
        """Every flag that was raised or taken away; ``item`` is a repair or a planted one."""
        return self._frame("flags", experiment)

    def planted(self, experiment: str | None = None) -> pd.DataFrame:
        """Every known-bad repair: which one's place it takes, by which rule, and how each reviewer first decided it."""
        return self._frame("planted", experiment)

    def reviewers(self, experiment: str) -> pd.DataFrame:
        """One row per reviewer: planted repairs ``caught`` of ``planted`` decided; on ``blind`` ones how often the
        turn that the critic blames (``same_turn``); intervals as ``..._low`` and ``..._high``."""
        return _made(tables.reviewers(self.store, experiment))

    def worth(self, experiment: str | None = None, round: int | None = None) -> pd.DataFrame:
        """What reviewing bought, a row per measured round, pair of arms and mode: delta with interval, p, holm."""
        return _made([{"experiment": e, "round": record["round"], **pair}
                      for e, record in self._worth(experiment, round) for pair in record["pairs"]])

    def worth_arms(self, experiment: str | None = None, round: int | None = None) -> pd.DataFrame:
        """The arms of those measurements, a row per arm and mode: n, correct, accuracy, low, high; what they let in."""
        told = ("repairs", "edited", "solved")
        return _made([{"experiment": e, "round": record["round"], "arm": name, "mode": mode,
                       **arm[mode], **{key: arm[key] for key in told}}
                      for e, record in self._worth(experiment, round) for name, arm in record["arms"].items()
                      for mode in ("sampled", "greedy")])

    def agreement(self, experiment: str | None = None) -> pd.DataFrame:
        """Reviewer by reviewer, of repairs that both judged: n, agreed, kappa, low, high."""
        rows = []
        for e in self._ids(experiment):
            for pair in review.agreement(self.store, e):
                k = pair.kappa
                rows.append({"experiment": e, "one": pair.one, "other": pair.other, "n": pair.n, "agreed": pair.agreed,
                             "kappa": k.estimate, "low": k.low, "high": k.high})
        return _made(rows)

    def examples(self, experiment: str | None = None) -> pd.DataFrame:
        """One row per training example with the way back: trajectory, turn, source, repair, decision, checkpoint."""
        return self._frame("examples", experiment)

    def library(
        self, experiment: str, round: int, model: str, *, source: str = "", words: str = "", after: int = -1
    ) -> pd.DataFrame:
        """A page of a model's examples of a round, as the library shows them: position, source, role, prompt, text."""
        found = self.store.examples.set_of(experiment, round, model) or ""
        return _made([asdict(x) for x in self.store.examples.page(found, source=source, words=words, after=after)])

    def frequent(self, experiment: str, round: int, model: str) -> pd.DataFrame:
        """The replies that stand most often in a model's training set of a round, with how often (``times``)."""
        found = self.store.examples.frequent(self.store.examples.set_of(experiment, round, model) or "")
        return _made([{"times": n, **asdict(line)} for line, n in found])

    def updates(self, experiment: str | None = None) -> pd.DataFrame:
        """One row per model and round of fine-tuning; ``kept`` is the gate's word."""
        rows = []
        for e in self._ids(experiment):
            for u in self.store.weights.updates(e):
                gate = self.store.weights.models(e, u.round)
                rows.append({"experiment": e, "round": u.round, "model": u.model, "before": u.before, "after": u.after,
                             "steps": u.steps, "tokens": u.tokens, "seconds": u.seconds,
                             "training_set": u.training_set,
                             "kept": None if gate is None else gate[0].get(u.model) == u.after})
        return _made(rows)

    def losses(self, experiment: str | None = None, round: int | None = None) -> pd.DataFrame:
        """One row per optimiser step: loss in nats per token."""
        return _made(
            [
                {"experiment": e, "round": u.round, "model": u.model, "step": step, "loss": loss}
                for e in self._ids(experiment)
                for u in self.store.weights.updates(e, round)
                for step, loss in enumerate(u.losses, 1)
            ]
        )

    def figure(self, name: str, experiment: str | None = None, round: int | None = None) -> Figure:
        """A figure as it was stored when the round closed (of the newest experiment, its last round, unless named).

        Names: accuracy, controls, roles, library, panel, diversity, likelihood, revision, balance, first_and_final,
        judging, payoffs; pass_at_k after ``sirius measure``, credit after ``sirius credit``, cross_play.
        """
        from plotly.graph_objects import Figure

        if name not in (*figures.FIGURES, *figures.MEASURED):
            raise UnknownName("figure", name, (*figures.FIGURES, *figures.MEASURED))
        chosen = experiment or next(iter(self._ids(None)), "")
        if name in figures.MEASURED:
            measured = self.store.experiments.measurement(self.store.experiments.get(chosen).id, name)
            if measured is None:
                what, how = {"pass_at_k": ("pass@k", "measure")}.get(name, (name.replace("_", "-"),) * 2)
                raise Missing(f"{what} of {chosen} has not been measured; do it: sirius {how} {chosen}")
            return Figure(figures.MEASURED[name](measured))
        e = self.store.experiments.get(chosen)
        stored = self.store.experiments.figure(e.id, name, round)
        if stored is None:
            raise Missing(f"{chosen} has no figure {name!r} yet: it is drawn when a round closes")
        figure = json.loads(stored)
        if name == "accuracy":
            held = self.store.experiments.measurement(e.id, "data")
            figure = figures.with_level(figure, held, e.settings.rounds)
            figure = figures.of_games(figure) if e.settings.source in GAMES else figure
        return Figure(figure)

    def close(self) -> None:
        self.store.close()

    def __enter__(self) -> Frames:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- small things ------------------------------------------------------------------------------------------------
    def _ids(self, experiment: str | None) -> list[str]:
        return [e.id for e in self.store.experiments.all()] if experiment is None else [experiment]

    def _worth(self, experiment: str | None, round: int | None) -> Iterable[tuple[str, Mapping[str, Any]]]:
        return ((e, record) for e in self._ids(experiment)
                for record in (self.store.experiments.measurement(e, "worth") or {}).values()
                if round in (None, record["round"]))

    def _reports(self, experiment: str | None) -> Iterable[tuple[str, Mapping[str, Any]]]:
        return ((e, report) for e in self._ids(experiment) for report in self.store.experiments.reports(e))

    def _frame(self, name: str, experiment: str | None = None) -> pd.DataFrame:
        import pandas as pd

        columns, rows = Browse(self.store.db).table(name, experiment)
        frame = pd.DataFrame.from_records(rows, columns=columns)
        for flag in ("mended", "lucky", "in_force", "raised", "caught"):
            if flag in frame:
                frame[flag] = frame[flag].astype("boolean")
        return frame


def _made(rows: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows)
