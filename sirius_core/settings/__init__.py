"""Every setting of an experiment, explained where it is declared, and the presets that ship.

The run page's form, ``sirius run --set key=value`` and the notebooks all read this one list.
"""

from __future__ import annotations

import dataclasses
import json
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from ..errors import UnknownName, UsageError
from .presets import PRESETS as PRESETS
from .texts import TEXTS, SamplingRule, counts, sampling_rules


def knob(
    default: Any,
    help: str,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    group: str = "run",
) -> Any:
    """A dataclass field with its explanation and range; ``choices`` closes a text setting."""
    meta = {"help": help, "low": low, "high": high, "choices": choices, "group": group}
    return dataclasses.field(default=default, metadata=meta)


@dataclass(frozen=True)
class Settings:
    """One experiment's settings. Every change goes through `Settings.changed`, which checks names and ranges."""

    recipe: str = knob("sirius", "How the team improves itself: a file in sirius_core/recipes, or a path to one.")
    team: str = knob("", "Which team plays; empty: the one that the recipe takes for these tasks.")
    base: str = knob(
        "misled",
        "Which untrained pocket checkpoint the team starts from.",
        choices=("misled", "novice", "fluent", "uncoached", "imitator", "panel", "sceptic", "trader"),
    )
    rounds: int = knob(3, "How many times the team plays, repairs and is fine-tuned.", 0, 50)
    problems: int = knob(800, "Training problems (the embedded word problems have 1,500 at most).", 4, 1_000_000)
    max_solutions: int = knob(3, "Tries at each training problem in each round (Algorithm 2: max_sol).", 1, 64)
    temperature: float = knob(1.0, "Sampling temperature of the role agents.", 0.0, 2.0)
    threshold: float = knob(
        0.5, "A trajectory counts as a success when its reward is above this (Algorithm 1: epsilon).", 0.0, 0.99
    )

    verifier: str = knob(
        "right",
        "What a try must show to be learned from: the right answer; the right answer by right steps; or only the "
        "right unit, a sloppy test that can be gamed. Tests always ask for the right answer.",
        choices=("right", "steps", "unit"),
    )

    critic: str = knob(
        "gold",
        "What the critic sees beside the transcript: the right answer, or only the team's own. In actor_critic it "
        "never sees the right one; none leaves rephrased revisions out.",
        choices=("gold", "blind", "none"),
        group="repair",
    )
    repair_turn: str = knob(
        "blamed",
        "Rewrite the turn that the critic blames, or ask about each role in turn and rewrite it where it is blamed.",
        choices=("blamed", "each"),
        group="repair",
    )
    max_critiques: int = knob(1, "Critiques per failed trajectory (max_f).", 1, 16, group="repair")
    max_regenerations: int = knob(1, "Rewrites per critique (max_re).", 1, 16, group="repair")
    max_repairs: int = knob(
        400, "Failed trajectories sent to the critic in a round, unsolved problems first.", 0, 100_000, group="repair"
    )
    critic_temperature: float = knob(0.7, "Sampling temperature of the critic.", 0.0, 2.0, group="repair")
    review: bool = knob(
        False, "Pause after the repairs so that a person accepts, edits or rejects them.", group="repair"
    )
    replays: int = knob(
        4,
        "For the reviewer: how often each rewritten turn, the turn as it was and the turn said afresh are played on.",
        0,
        64,
        group="repair",
    )
    blind: float = knob(
        0.1, "Share of repairs where the reviewer says what failed before seeing the repair.", 0.0, 1.0, group="repair"
    )
    planted: float = knob(
        0.1,
        "Known-bad repairs put into the queue, as a share of the mended ones: who lets one through learns so. Never "
        "trained on.",
        0.0,
        0.5,
        group="repair",
    )
    doubled: float = knob(
        0.0, "Share of decided repairs that a second reviewer judges: how far they agree.", 0.0, 1.0, group="repair"
    )

    agents: int = knob(3, "Agents of a debate, each with weights of its own where they learn.", 1, 16, group="debate")
    debate_rounds: int = knob(2, "Rounds of a debate; in the first everyone answers alone.", 1, 8, group="debate")
    debate_view: str = knob(
        "raw",
        "What an agent reads of the others: their answers as they stand, or a summary made by one more call.",
        choices=("raw", "summary"),
        group="debate",
    )
    vote: str = knob(
        "plain",
        "How the last answers are counted: one each, or each weighted by how steady its agent was over the rounds.",
        choices=("plain", "weighted"),
        group="debate",
    )
    mix: float = knob(
        0.5, "Share of corrected answers among what a debate's critics learn from; the rest were kept right.", 0.0, 1.0,
        group="debate",
    )
    samples: int = knob(5, "Tries at each problem in the recipes vote and best_of_k.", 1, 64, group="debate")
    answer_tokens: int = knob(
        0, "Instead: as many tries as these tokens pay for, but one at least (0: the number above).", 0, 1_000_000,
        group="debate",
    )

    update: str = knob(
        "auto",
        "How roles learn: their weights (pocket, trl, openai_api), their best examples in context (demos), rewritten "
        "prompts, or not at all; auto: weights on the pocket model, demos on an endpoint. OpenAI takes no new "
        "fine-tuning jobs (openai_api) after 2027-01-06.",
        choices=("auto", "pocket", "demos", "prompts", "trl", "openai_api", "none"),
        group="training",
    )
    demos: int = knob(4, "Examples shown to a role before each request, with update=demos.", 1, 64, group="training")
    demo_choice: str = knob(
        "similar",
        "Which examples are shown: those most similar to the request, or some at random.",
        choices=("similar", "random"),
        group="training",
    )
    demo_tokens: int = knob(2000, "Most tokens that the shown examples may fill.", 1, 1_000_000, group="training")
    checkpoint: str = knob("", "Folder of a local Hugging Face checkpoint, with update=trl.", group="training")
    lora_rank: int = knob(16, "Rank of the LoRA adapters, with update=trl.", 1, 1024, group="training")
    library: str = knob(
        "accumulated",
        "Train on the successes of all rounds so far, or of this round only.",
        choices=("accumulated", "fresh"),
        group="training",
    )
    draws: int = knob(
        2,
        "Training examples per role and solved problem, drawn in proportion to how often a reply was produced.",
        1,
        64,
        group="training",
    )
    examples: str = knob(
        "",
        "Exact number of examples per role in each round, e.g. 620,800; empty: as many as were earned.",
        group="training",
    )
    steps: str = knob(
        "",
        "Exact number of optimiser steps of each model in each round, e.g. 20,25; empty: as the epochs say.",
        group="training",
    )
    round_calls: str = knob(
        "",
        "Model calls for the tries and repairs of each round, e.g. 1500,1500: what repairs leave is spent on more "
        "tries at failed problems; empty: no bound.",
        group="training",
    )
    round_tokens: str = knob("", "The same in tokens, read and written.", group="training")
    sharing: str = knob(
        "per_role",
        "Each role its own weights, or one shared model for all.",
        choices=("per_role", "shared"),
        group="training",
    )
    train_roles: str = knob(
        "",
        "Only these roles learn (comma separated); empty: all. The others stay the base: a mixed team.",
        group="training",
    )
    start: str = knob(
        "continue",
        "Fine-tune from the last checkpoint, or from the base in every round.",
        choices=("continue", "base"),
        group="training",
    )
    epochs: int = knob(2, "Passes over the training set.", 1, 20, group="training")
    rate: float = knob(1e-3, "Learning rate of Adam at its peak, in the first round.", 0.0, 0.1, group="training")
    cooling: float = knob(
        0.8,
        "Each round's learning rate is this many times the one before: late rounds polish.",
        0.1,
        1.0,
        group="training",
    )
    batch: int = knob(64, "Examples per optimiser step.", 1, 1024, group="training")
    gate: bool = knob(
        True, "Keep a new checkpoint only if validation accuracy is not significantly lower.", group="training"
    )

    validation: int = knob(200, "Validation problems for the gate.", 1, 100_000, group="evaluation")
    heldout: int = knob(400, "Held-out problems: nothing like them is trained on.", 1, 100_000, group="evaluation")
    interim: int = knob(
        0, "Held-out problems asked before the last round, taken evenly from a dataset (0: all).", 0, 100_000,
        group="evaluation",
    )
    new_wordings: int = knob(
        400, "Held-out problems in wordings never fine-tuned (0: skip).", 0, 5000, group="evaluation"
    )
    withheld_forms: int = knob(
        400, "Held-out problems in question forms never fine-tuned (0: skip).", 0, 5000, group="evaluation"
    )
    controls: int = knob(
        100,
        "Failed problems on which critic, blind critic and playing again are compared each round (0: skip).",
        0,
        5000,
        group="evaluation",
    )
    control_calls: int = knob(
        12, "Model calls that each of the three may spend on one failed problem.", 3, 1000, group="evaluation"
    )

    source: str = knob(
        "formulas", "Where the problems come from: the embedded word problems, or a dataset.", group="data"
    )
    data: str = knob("", "Path of the dataset's official file or folder, or of a CSV or JSONL file.", group="data")
    subjects: str = knob("", "Only these subjects of the dataset (comma separated); empty: all.", group="data")
    columns: str = knob(
        "",
        "For a CSV or JSONL: which column is what, e.g. question=Problem, answer=Solution, kind=number.",
        group="data",
    )

    game: str = knob(
        "", "Another setting of a game than the paper's, e.g. cost=44, value=58, messages=6.", group="games"
    )
    spread: int = knob(
        4, "How far the amounts of a game lie from the setting's, by chance, game by game (0: not at all).", 0, 1000,
        group="games",
    )
    opponent: str = knob(
        "base",
        "Whom each player learns against: the untrained model, the other's latest checkpoint, or any so far.",
        choices=("base", "latest", "pool"),
        group="games",
    )
    refusals: bool = knob(
        True, "Also learn from turning down an offer that would have been a loss, whatever the game came to.",
        group="games",
    )
    matrix: int = knob(
        500, "Games in each cell of the cross-play matrix after the last round (0: skip).", 0, 100_000, group="games"
    )

    model: str = knob("", "Name of the model at an endpoint; empty: the embedded pocket model.", group="endpoint")
    base_url: str = knob(
        "", "Base URL of an OpenAI-compatible endpoint; empty: OpenAI's own.", group="endpoint"
    )
    key_env: str = knob(
        "",
        "Environment variable with the key; empty: OPENAI_API_KEY for OpenAI, none for a server on this machine.",
        group="endpoint",
    )
    mender_model: str = knob(
        "", "Another model of the endpoint as critic, rephraser and prompt writer; empty: the same.", group="endpoint"
    )
    reply_tokens: int = knob(1024, "Most tokens of one reply.", 1, 1_000_000, group="endpoint")
    sampling: str = knob(
        "",
        "Sampling by role and phase, e.g. solver.temperature=0.2, critic@repair.max_tokens=300.",
        group="endpoint",
    )
    request: str = knob(
        "", "More fields of every request as JSON; null takes one away: {\"temperature\": null}.", group="endpoint"
    )
    deadline: float = knob(120.0, "Seconds for one call with all its attempts.", 0.05, 86_400.0, group="endpoint")
    attempts: int = knob(10, "Attempts at one call before it is lost; ten ride out half a minute of errors.", 1, 100,
                         group="endpoint")
    max_cost: float = knob(0.0, "Pause when this much money (US dollars) was spent (0: no limit).", 0.0, 1e9,
                           group="endpoint")

    chunk: int = knob(
        400, "Episodes that run in step and are stored together on the pocket model.", 1, 10_000, group="machine"
    )
    concurrency: int = knob(32, "Calls in flight at once on an endpoint.", 1, 4096, group="machine")
    workers: int = knob(2, "Processes for the pocket model; results do not depend on it.", 1, 64, group="machine")
    max_calls: int = knob(0, "Pause when this many model calls were made (0: no limit).", 0, 10**9, group="machine")
    max_tokens: int = knob(
        0, "Pause when this many tokens were read or written (0: no limit).", 0, 10**12, group="machine"
    )

    def changed(self, changes: Mapping[str, Any]) -> Settings:
        """These settings with ``changes`` applied; texts are read as the setting's type. One clear error otherwise."""
        read = {name: _read(name, value) for name, value in changes.items()}
        return dataclasses.replace(self, **read)

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def examples_in(self, round_no: int) -> int | None:
        """The exact number of examples per role wanted in this round, or None."""
        return self.held("examples", round_no)

    def held(self, name: str, round_no: int) -> int | None:
        """What a setting with one number per round says for this one (its last number repeats); None: nothing."""
        found = counts(getattr(self, name), 10**12)
        return found[min(round_no, len(found)) - 1] if found else None

    def sampling_rules(self) -> tuple[SamplingRule, ...]:
        """What ``sampling`` says, the most general rules first, so that a later one wins."""
        return tuple(sorted(sampling_rules(self.sampling), key=lambda rule: rule.rank))

    def request_fields(self) -> dict[str, Any]:
        """More fields of every request; None takes one away."""
        return dict(json.loads(self.request)) if self.request.strip() else {}

    def roles_to_train(self) -> tuple[str, ...]:
        """The only roles that learn; empty: all."""
        return tuple(part.strip() for part in self.train_roles.split(",") if part.strip())


SECRET = ("key_env",)  # a wrong value of these is not shown
FIELDS = {field.name: field for field in dataclasses.fields(Settings)}
TYPES = get_type_hints(Settings)  # once: a page reads settings several times for each key that is pressed


def _read(name: str, value: Any) -> Any:
    if name not in FIELDS:
        raise UnknownName("setting", name, FIELDS)
    kind, meta = TYPES[name], FIELDS[name].metadata
    said = reprlib.repr(value)
    if kind is bool:
        words = {
            "true": True,
            "yes": True,
            "on": True,
            "1": True,
            "false": False,
            "no": False,
            "off": False,
            "0": False,
        }
        if (word := str(value).lower()) not in words:
            raise UsageError(f"setting {name}={said}: use true or false")
        return words[word]
    if kind is str:
        if not isinstance(value, str):
            raise UsageError(f"setting {name}={said}: a text is needed")
        if meta["choices"] and value not in meta["choices"]:
            raise UsageError(f"setting {name}={said}: choose one of {', '.join(meta['choices'])}")
        try:
            TEXTS.get(name, str)(value)
        except ValueError as error:
            raise UsageError(f"setting {name}{'' if name in SECRET else '=' + said}: {error}") from None
        return value
    try:
        number = kind(value)
        if isinstance(value, bool) or (isinstance(value, float) and number != value and value == value):
            raise ValueError  # 2.7 is no whole number, and true is none either
    except (TypeError, ValueError, OverflowError):
        word = "a whole number" if kind is int else "a number"
        raise UsageError(f"setting {name}={said}: {word} is needed") from None
    if not meta["low"] <= number <= meta["high"]:  # also false for NaN
        raise UsageError(f"setting {name}={said}: must lie between {meta['low']} and {meta['high']}")
    return number


def preset(name: str, changes: Mapping[str, Any] | None = None) -> Settings:
    """A shipped preset with changes: ``preset("quickstart", {"rounds": 2})``."""
    if name not in PRESETS:
        raise UnknownName("preset", name, PRESETS)
    return Settings().changed(PRESETS[name]).changed(changes or {})
