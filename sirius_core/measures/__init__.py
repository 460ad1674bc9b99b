"""Measures beside accuracy: what happens inside a panel of agents, how diverse it is, what its votes are worth as
labels, what revising does, what an actor's judge and critic do, what players earn, and how a round explores and
exploits.

    of_round(store, experiment, recipe, 1)    [{"measure": "balance", "where": "training tries", "value": 0.4, ...}]

Everything is reckoned from what is stored, so that it can be reckoned again: no call is made, only checkpoints of the
embedded model are read. What does not apply (a chain has no panel) has no rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from .. import recipes
from ..errors import UsageError
from ..recipes import Recipe
from ..rewards import right
from ..store import Experiment, Store
from ..tasks import negotiation
from ..training import Library
from ..trajectories import Task, Trajectory
from . import actor_critic, balance, branches, distance, games, likelihood, panel, played, revision, sittings
from .branches import HELD_OUT
from .rows import Row, row

__all__ = ["NAMES", "Name", "Row", "of_round", "row", "value"]

TRIED = "propose"
LOOK = 20  # episodes in which two agents would be seen; one that stopped at once shows none


@dataclass(frozen=True)
class Name:
    """What a measure is called, what it is in one sentence, which way is better ("" where neither is), and how its
    number is read: as a share, as points (a difference of shares), or as it stands."""

    title: str
    what: str
    better: str = ""
    unit: str = "share"


NAMES = {
    "vote": Name("vote", "Problems on which the agents' most frequent answer is right.", "higher"),
    "team": Name("the team", "Problems that the team gets right, where it does not count all votes alike.", "higher"),
    "team_minus_vote": Name("choosing over counting", "What the team's own choice adds to the plain vote.", "higher",
                            "points"),
    "agent_mean": Name("one agent", "How often an agent alone is right, the mean of all.", "higher"),
    "agent": Name("each agent", "How often this agent is right.", "higher"),
    "pass_at_n": Name("any agent", "Problems that at least one agent gets right.", "higher"),
    "pass_minus_vote": Name("lost in the vote", "Problems that some agent gets right and the vote wrong.", "lower",
                            "points"),
    "last_minus_first": Name("last vote over the first", "What talking adds to voting at once.", "higher", "points"),
    "consensus": Name("consensus", "Answers that are the most frequent one of their problem; lower is more diverse."),
    "distinct": Name("different answers", "Different answers to one problem, on average; higher is more diverse.",
                     unit="number"),
    "unparsed": Name("unreadable", "Answers in which nothing can be read; they count as wrong.", "lower"),
    "tokens": Name("tokens", "Read and written for one problem up to this round.", "lower", "number"),
    "label": Name("labels right", "How often the vote that served as label is the truth.", "higher"),
    "distance": Name("text distance", "How differently agents write who agree with the vote: 1 minus the cosine of "
                     "their word sequences; higher is more diverse.", unit="number"),
    "nll": Name("surprise", "How unlikely an agent finds another's reply, in nats per token; higher is more diverse.",
                unit="number"),
    "kl_between": Name("distance as models", "KL between two agents' next words, in nats per token; higher is more "
                       "diverse.", unit="number"),
    "kl_from_base": Name("moved from the base", "KL between an agent's next words and the untrained model's, in nats "
                         "per token.", unit="number"),
    "acc1": Name("right before", "Answers that are right before the agent hears the others.", "higher"),
    "cl": Name("stays right", "Of the answers that were right, how many still are: confidence.", "higher"),
    "cs": Name("gets mended", "Of the answers that were wrong, how many are right now: critique.", "higher"),
    "acc2": Name("right after", "Answers that are right after it.", "higher"),
    "rss": Name("relative self-correction", "1/2 where revising leaves as many right as before, 1 where nothing right "
                "is lost and the wrong is mended as often as first answers are right.", "higher", "number"),
    "first": Name("first answers", "Problems on which the actor's first answer is right.", "higher"),
    "final": Name("final answers", "Problems on which the answer in the end is right.", "higher"),
    "final_minus_first": Name("final over first", "What judging and revising add to the first answers.", "higher",
                              "points"),
    "tp": Name("right and passed", "Problems whose first answer is right and judged True (TP in SiriuS's Table 5).",
               "higher"),
    "judge_balanced": Name("judge, balanced", "How often the judge is right, the mean of right and of wrong first "
                           "answers; 1/2 for a judge that says the same of all.", "higher"),
    "passed_right": Name("right ones passed", "Of the right first answers, how many the judge calls True.", "higher"),
    "passed_wrong": Name("wrong ones passed", "Of the wrong first answers, how many the judge calls True.", "lower"),
    "flagged_wrong": Name("wrong ones flagged", "Of the wrong first answers, how many the judge calls False.",
                          "higher"),
    "unreadable": Name("no verdict", "Problems on which no verdict of the judge can be read.", "lower"),
    "flagged_mended": Name("flagged and mended", "Of the wrong first answers that are called False, how many the "
                           "revision puts right.", "higher"),
    "spoilt": Name("spoilt", "Of the right first answers, how many a second look makes wrong.", "lower"),
    "paper": Name("payoff as in the paper", "What the learner earns in a game, as SiriuS reports it: the price above "
                  "or below the middle, the split less 50 %, resources won. All games count.", "higher", "number"),
    "payoff": Name("payoff", "The same in the game's own unit: of a sale what it is above the cost or below the "
                   "value; of a pot the amount; resources won.", "higher", "number"),
    "payoff_change": Name("payoff since round 0", "What the learner earns more than in round 0, game by game.",
                          "higher", "number"),
    "deals": Name("deals", "Games that end with a deal."),
    "lost_games": Name("losing deals, of all games", "Games in which the learner signs a deal that is worth less to "
                       "it than none.", "lower"),
    "lost_deals": Name("losing deals, of the deals", "Deals that are worth less to the learner than none.", "lower"),
    "bad_taken": Name("bad offers taken", "Of the offers that would be a loss to the learner, those that it takes.",
                      "lower"),
    "invalid": Name("invalid moves", "Of the learner's texts, those that are no legal move.", "lower"),
    "forfeits": Name("forfeits", "Games that the learner loses by two moves in a row that are not legal.", "lower"),
    "solved": Name("problems solved", "Training problems that some try gets right: exploration.", "higher"),
    "pass_at_k": Name("pass@k", "Chance that one of k tries is right, where some problems were tried more often.",
                      "higher"),
    "kept_right": Name("kept tries right", "Of what the recipe keeps, how much is right: exploitation.", "higher"),
    "balance": Name("balance score", "Enough right tries, and few wrong ones among what is kept (B-STaR).", "higher",
                    "number"),
}


def of_round(store: Store, e: Experiment, recipe: Recipe, round: int) -> list[Row]:
    """Every measure that applies to a round that was played, tested and trained."""
    held = store.episodes.find(e.id, round=round, phase=HELD_OUT, whole=False)
    if branches.applies(recipe.team):
        rows = actor_critic.measure(branches.of_round(store, e, recipe.team, round))
    elif recipe.team.name in negotiation.ROLES:
        rows = _games(store, e, recipe.team.name, round)
    elif any(len({turn.seat for turn in t.turns} - {None}) > 1 for t in held[:LOOK]):
        rows = _panel(store, e, store.episodes.find(e.id, round=round, phase=HELD_OUT))
    else:
        rows = []
    return rows + (_training(store, e, recipe, round) if round else [])


def _games(store: Store, e: Experiment, game: str, round: int) -> list[Row]:
    """What the learner makes of the games that it is tested on, in distribution and out of it."""
    rows, roles = list[Row](), negotiation.ROLES[game]
    for split, where, only in (("heldout", "", ()), ("withheld_forms", "out of distribution", games.BEYOND)):
        phase, found = f"evaluate:{split}:sampled", list[list[played.Played]]()
        for r in (round, 0) if round else (round,):
            plays = store.episodes.find(e.id, round=r, phase=phase)
            found.append(played.read(plays, store.episodes.tasks(sorted({t.task for t in plays}))))
        rows += games.measure(found[0], found[1] if round else (), roles, where, only)
    return rows


def _panel(store: Store, e: Experiment, held: list[Trajectory]) -> list[Row]:
    """What several agents do on the held-out problems."""
    tasks = store.episodes.tasks(sorted({t.task for t in held}))
    place = {task: i for i, task in enumerate(store.experiments.splits(e.id).get("heldout", ()))}
    held.sort(key=lambda t: (place.get(t.task, 0), t.task))
    found = sittings.read(held, tasks, e.settings.threshold)
    rows = panel.measure(found) + distance.measure(found) + revision.measure(found)
    if found and (kept := store.weights.models(e.id, 0)) is not None:
        rows += likelihood.measure(found, store.weights.get, kept[0]["*"])
    return rows


def again(store: Store) -> Callable[[str, int], list[Row] | None]:
    """`of_round` of a database's experiments by their ids; None where a recipe is a file that is no longer there."""
    def measure(experiment: str, round: int) -> list[Row] | None:
        e = store.experiments.get(experiment)
        try:
            recipe = recipes.get(e.settings)
        except UsageError:
            return None
        return of_round(store, e, recipe, round)

    return measure


def value(rows: Sequence[Row], measure: str, where: str | None = None) -> Row | None:
    """The last row of a measure, or the one with this place."""
    return next((r for r in reversed(rows) if r["measure"] == measure and where in (None, r["where"])), None)


def _training(store: Store, e: Experiment, recipe: Recipe, round: int) -> list[Row]:
    """What the tries at training problems show, and, where a vote is the label, how often that was right."""
    tried = store.episodes.find(e.id, round=round, phase=TRIED, whole=False)
    tasks = store.episodes.tasks(sorted({t.task for t in tried}))
    if not tried:
        return []
    tries = [balance.Try(t.task, _true(t, tasks[t.task], recipe, e.settings.threshold), kept)
             for t, kept in zip(tried, _kept(tried, recipe, e), strict=True)]
    groups = {task.id: task.group or task.id for task in tasks.values()}
    rows = balance.measure(tries, e.settings.max_solutions, groups)
    if recipe.examiner is None:
        return rows
    told = [(t.task, t.reward.read if t.reward else None, 1) for t in tried]
    learned = store.examples.labels(e.id, round)
    tasks |= store.episodes.tasks(sorted({task for task, _, _ in learned} - set(tasks)))
    return [*rows, panel.labels(told, tasks, balance.WHERE), panel.labels(learned, tasks, "training examples")]


def _true(t: Trajectory, task: Task, recipe: Recipe, threshold: float) -> bool:
    """Whether a try is right by the truth, whatever the recipe asks for."""
    return t.earned(threshold) if recipe.judge is right else right(task, t).value > 0.5


def _kept(tried: Sequence[Trajectory], recipe: Recipe, e: Experiment) -> list[bool]:
    """Which tries a recipe learns from: what earned enough; all, where it takes failures alone, too."""
    earned = [t.earned(e.settings.threshold) for t in tried]
    failed = tuple(t for t, good in zip(tried, earned, strict=True) if not good)[:8]
    takes = recipe.select(Library(failed, threshold=e.settings.threshold), e.settings.draws, Random(0))
    return [True] * len(tried) if takes else earned
