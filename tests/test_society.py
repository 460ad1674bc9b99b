"""Multiagent Finetuning on the embedded model: who learns which words, how corrected and kept mix, where loss falls.

Nothing of the recipe is used to say what should come out: the replies are read here once more, letter by letter.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest
from crash_driver import carry_on, deaths, told

from sirius_core import jobs
from sirius_core.errors import UsageError
from sirius_core.finetune.pocket import PocketMachine
from sirius_core.finetune.samples import learning_examples
from sirius_core.models.pocket import Engine
from sirius_core.pocket.notation import parse_plan
from sirius_core.pocket.vocabulary import decode
from sirius_core.settings import preset
from sirius_core.store import Store
from sirius_core.training import Example
from sirius_core.trajectories import Trajectory

SEATS = ("1", "2", "3")
CHANGES = {"recipe": "multiagent_finetuning", "base": "panel", "rounds": 1, "problems": 40, "max_solutions": 1,
           "gate": False, "library": "fresh", "mix": 0.25, "heldout": 12, "new_wordings": 0, "withheld_forms": 0,
           "controls": 0, "chunk": 20, "batch": 16}


def create(path: Path, **changes: object) -> str:
    with Store(path) as store:
        return jobs.create(store, "tiny", preset("tiny", {**CHANGES, **changes}), 0).id


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    path = tmp_path_factory.mktemp("society") / "lab.db"
    experiment = create(path)
    jobs.run(path, experiment, machine=PocketMachine(Engine(0), "panel"))
    return path, experiment


def answer(text: str) -> str:
    return text.split(" | ")[2] if text.count(" | ") == 2 and text.split(" | ")[2].split()[:-1] else ""


def public(text: str) -> str:
    """What the others see of a reply."""
    plan = text.split(" | ")[0]
    return f"{plan.partition(' : ')[0] if parse_plan(plan) else ''} = {answer(text)}".strip()


def said(t: Trajectory) -> list[dict[str, str]]:
    """[{seat: answer}] of both rounds."""
    rounds = [{turn.seat: answer(turn.text) for turn in t.turns if turn.role == role}
              for role in ("generator", "critic")]
    assert [sorted(r) for r in rounds] == [list(SEATS)] * 2
    return rounds  # type: ignore[return-value]


def elected(t: Trajectory) -> tuple[str, int]:
    """The last round's plurality and its votes; a tie goes to what more said at first, then to the lowest seat."""
    first, last = said(t)
    votes = Counter(a for a in last.values() if a)
    if not votes:
        return "", 0
    level = [last[s] for s in SEATS if last[s] and votes[last[s]] == max(votes.values())]
    before = Counter(first.values())
    winner = max(level, key=lambda a: before[a])
    return winner, votes[winner]


def test_every_agent_learns_its_own_words_that_agree_with_the_vote_and_nothing_else(played: tuple[Path, str]) -> None:
    path, experiment = played
    with Store(path) as store:
        place = {task: i for i, task in enumerate(store.experiments.splits(experiment)["train"])}
        debates = sorted(store.episodes.find(experiment, round=1, phase="propose"), key=lambda t: place[t.task])
        sets = {row["model"]: store.weights.examples_of(row["id"])
                for row in store.weights.training_sets(experiment, 1)}
    assert len(debates) == 40
    random, wanted, kinds = Random("select/0/1"), {}, Counter()
    for seat in SEATS:
        learned: dict[str, list[tuple[str, int]]] = {"generator": [], "corrected": [], "kept": []}
        for t in debates:
            (winner, votes), (first, last) = elected(t), said(t)
            if votes < 2:
                continue  # two of three must agree
            at = {turn.role: i for i, turn in enumerate(t.turns) if turn.seat == seat}
            if first[seat] == winner:
                learned["generator"].append((t.id, at["generator"]))
            if last[seat] == winner:
                learned["kept" if first[seat] == winner else "corrected"].append((t.id, at["critic"]))
        most = min(len(learned["corrected"]) * 4, len(learned["kept"]) * 4 // 3)  # w = 1/4
        corrected = round(most / 4)
        wanted[f"generator/{seat}"] = learned["generator"]
        wanted[f"critic/{seat}"] = (random.sample(learned["corrected"], corrected)
                                    + random.sample(learned["kept"], most - corrected))
        kinds += Counter({kind: len(rows) for kind, rows in learned.items()})
    assert sets == dict(sorted(wanted.items()))
    assert min(kinds.values()) >= 6 and all(len(rows) >= 4 for rows in sets.values())


def test_loss_falls_on_the_agents_last_words_alone(played: tuple[Path, str]) -> None:
    """What it said at first is in a critic's prompt, wrong or right, and never learned there."""
    path, experiment = played
    with Store(path) as store:
        for row in store.weights.training_sets(experiment, 1):
            examples = [Example(store.episodes.get(t), turn) for t, turn in store.weights.examples_of(row["id"])]
            for example, made in zip(examples, learning_examples(examples), strict=True):
                turn, t = example.said, example.trajectory
                first = {x.seat: x for x in t.turns if x.role == "generator"}
                shown = {s: public(first[s].text) for s in SEATS}
                others = " ; ".join(shown[s] for s in SEATS if s != turn.seat)
                question = store.episodes.task(t.task).question
                prompt = (f"@solo {question} =>" if turn.role == "generator"
                          else f"@solo {question} @fb solo {shown[str(turn.seat)]} | {others} =>")
                assert f"{turn.role}/{turn.seat}" == row["model"]
                assert decode(made.tokens[: made.start]) == prompt
                assert decode(made.tokens[made.start :]) == turn.text and made.tokens[-1] == 0
                assert (made.silent, made.weight) == ((), 1.0)


def test_one_model_in_every_seat_learns_all_parts(tmp_path: Path) -> None:
    path = tmp_path / "lab.db"
    experiment = create(path, sharing="shared", debate_rounds=1, problems=24)
    jobs.run(path, experiment, machine=PocketMachine(Engine(0), "panel"))
    with Store(path) as store:
        (made,) = store.weights.training_sets(experiment, 1)
        turns = [store.episodes.get(t).turns[i] for t, i in store.weights.examples_of(made["id"])]
    assert made["model"] == "*" and {(t.role, t.seat) for t in turns} == {("generator", s) for s in SEATS}


def test_killed_while_they_learn_it_ends_as_if_nothing_had_happened(
        played: tuple[Path, str], tmp_path: Path) -> None:
    path, log = tmp_path / "lab.db", tmp_path / "log"
    experiment = create(path)
    for point in ({"train": 5}, {}):
        carry_on(path, experiment, "pocket", log, point)
    assert deaths(log) == ["1 train"]
    assert told(path, experiment) == told(*played)


def test_a_base_that_never_saw_a_debate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="never saw a debate: take one that did"):
        create(tmp_path / "lab.db", base="misled")
    assert create(tmp_path / "lab.db", base="misled", debate_rounds=1) == "tiny-0-1"  # a vote is no debate
