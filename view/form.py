"""The form of a new experiment, from the settings' own explanations: a widget for each, idle ones with a reason."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import streamlit as st

from sirius_core import recipes, tasks
from sirius_core.errors import SiriusError
from sirius_core.evaluate import voices_for
from sirius_core.finetune.openai_api import ENDING
from sirius_core.games import GAMES
from sirius_core.machines import MADE, clash
from sirius_core.pocket.readable import SOURCES
from sirius_core.settings import FIELDS, Settings, preset

from . import data, form_data, form_endpoint, live

GROUPS = {
    "data": ("Problems", ":material/dataset:"),
    "games": ("Games", ":material/handshake:"),
    "endpoint": ("Model at an endpoint", ":material/cloud:"),
    "run": ("The experiment", ":material/science:"),
    "repair": ("Critic and repair", ":material/auto_fix_high:"),
    "debate": ("Debate and votes", ":material/forum:"),
    "training": ("Training", ":material/model_training:"),
    "evaluation": ("Evaluation", ":material/straighten:"),
    "machine": ("Machine and budget", ":material/memory:"),
}
UPDATES = {
    "auto": "weights on the pocket model, examples in context (demos) on a chat model.",
    "pocket": "fine-tunes the embedded model's own weights, on this machine.",
    "demos": "shows each role its own successes before each request; no weights change. Works with any endpoint.",
    "prompts": "a writer reads failures and rewrites each role's instruction; what does not help on validation goes.",
    "trl": "trains LoRA adapters of a local Hugging Face checkpoint with TRL; needs the trl extra, and mostly a GPU.",
    "openai_api": f"sends training files to a host that fine-tunes over OpenAI's protocol. {ENDING}",
    "none": "nobody learns: the team only plays, and failures are mended for you to look at.",
}
EXAMPLES = {"sampling": "solver.temperature=0.2, critic@repair.max_tokens=300", "request": '{"top_p": 0.9}',
            "columns": "question=Problem, answer=Solution", "base_url": "http://127.0.0.1:8000/v1",
            "data": "problems.csv", "examples": "620,800", "steps": "20,25",
            "round_calls": "1500,1500", "round_tokens": "90000,90000"}
WORDS = ("demos", "demo_choice", "demo_tokens")
WEIGHTS = ("epochs", "rate", "cooling", "batch")
POCKET = ("base", "workers", "chunk")
ENDPOINT = ("mender_model", "request", "max_cost")
CALLS = ("deadline", "attempts", "concurrency", "reply_tokens")
MENDING = ("repair_turn", "max_critiques", "max_regenerations", "max_repairs")
CRITIC = ("critic_temperature", "controls", "control_calls")
LEARNING = ("rounds", "max_solutions", "threshold", "verifier", "library", "draws", "examples", "steps", "round_calls",
            "round_tokens", "sharing", "train_roles", "start", *WEIGHTS, "gate", "validation", "interim", "controls",
            "control_calls")
PLAYING = ("game", "spread", "opponent", "refusals", "matrix")
DEBATE, DEBATES = ("agents", "debate_rounds", "debate_view", "vote"), ("debate", "multiagent_finetuning")


class Asked(NamedTuple):
    """What a person asks for: {setting: value} of what differs from the preset and applies; what is wrong with it, and
    what is still to be said, one line or none of each."""

    changes: dict[str, Any]
    wrong: str
    missing: str


def draw(start: str, seed: int) -> Asked:
    """Every setting, by groups."""
    defaults = preset(start).as_dict()
    now = {name: _now(start, name, default) for name, default in defaults.items()}
    reasons = idle(now)
    changes: dict[str, Any] = {}
    readable = True
    for group, (title, icon) in GROUPS.items():
        names = [n for n, f in FIELDS.items() if f.metadata["group"] == group]
        with st.expander(title, icon=icon, key=f"group_{group}"):
            if group == "endpoint":
                form_endpoint.servers(start, str(now["base_url"]), str(now["key_env"]))
            grid = st.grid(3, min_column_width=230, gap="medium")
            for n in names:
                with grid.cell():
                    value = field(n, start, defaults[n], reasons.get(n, ""))
                if value != defaults[n] and n not in reasons:
                    changes[n] = value
            if group == "training":
                st.caption("The ways to learn (update): ")
                st.markdown("\n".join(f"- **{way}**: {words}" for way, words in UPDATES.items()))
            if group == "data":
                chosen = {n: now[n] for n in data.RELEVANT if n not in reasons and now[n] != defaults[n]}
                readable = form_data.feedback(start, chosen, seed)
            if group == "endpoint":
                form_endpoint.model(changes)
    wrong = clashes(start, changes)
    unread = "" if readable else "The problems cannot be read yet: see under Problems."
    return Asked(changes, wrong, "" if wrong else unread or missing(preset(start, changes)))


def field(name: str, start: str, default: Any, reason: str = "") -> Any:
    """One setting as a widget that fits its type, its explanation in view; with a ``reason`` it is idle."""
    meta, key, label = FIELDS[name].metadata, f"set_{start}_{name}", name.replace("_", " ")
    low, high = meta["low"], meta["high"]
    hint = f"`--set {name}=…`" + (f", {low:g} to {high:g}" if low is not None else "")
    how: dict[str, Any] = {"key": key, "help": hint, "disabled": bool(reason), "persist_state": "session"}
    if name == "source":
        value: Any = st.selectbox(label, list(tasks.SOURCES), list(tasks.SOURCES).index(default), **how)
    elif len(meta["choices"]) > 3:
        value = st.selectbox(label, meta["choices"], meta["choices"].index(default), **how)
    elif meta["choices"]:
        value = st.segmented_control(label, meta["choices"], default=default, required=True, **how)
    elif isinstance(default, bool):
        value = st.toggle(label, default, **how)
    elif isinstance(default, int):
        value = st.number_input(label, int(low), int(high), default, step=1, **how)
    elif isinstance(default, float):
        small = high < 1
        value = st.number_input(label, float(low), float(high), default, step=0.0001 if small else 0.1,
                                format="%.4f" if small else "%.2f", **how)
    elif name == "recipe":
        known = list(dict.fromkeys((*recipes.RECIPES, default)))  # the default may be a person's own file
        value = st.selectbox(label, known, known.index(default), accept_new_options=True, **how)
    else:
        value = st.text_input(label, default, placeholder=EXAMPLES.get(name, "empty"), **how)
    st.caption(explained(meta["help"]))
    if reason:
        st.caption(f":material/block: {reason}")
    return default if value is None else value.strip() if isinstance(value, str) else value


def explained(help: str) -> str:
    """A setting's explanation as Markdown: ``critic@repair...`` is an example to copy and no address of a person."""
    return re.sub(r"(\S+@\S+\w)", r"`\1`", help)


def _now(start: str, name: str, default: Any) -> Any:
    value = st.session_state.get(f"set_{start}_{name}")
    return default if value is None else value.strip() if isinstance(value, str) else value


def keep(before: str, after: str) -> None:
    """Another preset: problems and endpoint stay what they are (text fields; a callback's work)."""
    for name, f in FIELDS.items():
        if f.metadata["group"] in ("data", "endpoint") and f"set_{before}_{name}" in st.session_state:
            value = st.session_state[f"set_{before}_{name}"]
            if isinstance(value, str):
                st.session_state[f"set_{after}_{name}"] = value


def idle(now: Mapping[str, Any]) -> dict[str, str]:
    """{setting: why it has no effect with the others as they are}."""
    found: dict[str, str] = {}

    def rest(names: tuple[str, ...], why: str) -> None:
        found.update({name: found.get(name, why) for name in names})

    at_endpoint, update = bool(str(now["model"]).strip()), now["update"]
    if at_endpoint or update == "trl":
        rest(POCKET, "Only the embedded pocket model has this.")
    if not at_endpoint:
        rest(ENDPOINT, "Name a model at an endpoint first.")
        if update != "trl":
            rest(CALLS, "The embedded pocket model needs none: it runs here.")
    if not (update == "demos" or (update == "auto" and at_endpoint)):
        rest(WORDS, "Only with update=demos.")
    if update != "trl":
        rest(("checkpoint", "lora_rank"), "Only with update=trl.")
    if update in ("demos", "prompts", "none") or (update == "auto" and at_endpoint):
        rest(WEIGHTS, "No weights are trained with these settings.")
    if now["source"] in GAMES:
        rest(("data", "subjects", "columns"), "Games are made, not read.")
        rest(("new_wordings",), "Games have no wordings: out of distribution they have other amounts.")
        rest((*MENDING, *CRITIC, "critic"), "Nobody mends a game.")
        rest(("verifier", "draws"), "A game is judged by what it came to; each message of a won one is an example.")
    else:
        rest(PLAYING, "Only where a game is played.")
    if now["source"] == "formulas":
        rest(("data", "subjects", "columns"), "The embedded word problems need no file: choose another source.")
    elif now["source"] not in GAMES:
        rest(("new_wordings", "withheld_forms"), "Only the embedded word problems have these tests.")
        if now["source"] != "table":
            rest(("columns",), "Only for a table (source=table).")
        if now["source"] == "arithmetic":
            rest(("data", "subjects"), "These problems are made, not read.")
    recipe = now["recipe"]
    if now["critic"] == "none":
        rest((*MENDING, *CRITIC), "Only with a critic.")
    elif recipe in recipes.RECIPES and not live.critic_works(Settings().changed({"recipe": recipe}))[0]:
        rest(MENDING, f"The recipe {recipe} mends nothing.")
    if recipe in recipes.RECIPES:
        if not recipes.get(Settings().changed({"recipe": recipe})).learns:
            rest(LEARNING, f"The recipe {recipe} only plays: it learns nothing and has no rounds.")
        if recipe not in DEBATES and now["team"] != "debate":
            rest(DEBATE, "Only where agents debate.")
        if recipe != "multiagent_finetuning":
            rest(("mix",), "Only with recipe=multiagent_finetuning.")
        if recipe not in ("vote", "best_of_k"):
            rest(("samples", "answer_tokens"), "Only with recipe=vote or best_of_k.")
    return found


def clashes(start: str, changes: Mapping[str, Any]) -> str:
    """What can be known to be wrong before anything is asked or started, in one line; empty if nothing is."""
    try:
        settings = preset(start, changes)
        clash(settings)
        if settings.recipe in recipes.RECIPES:  # a person's own file is read when the experiment is made
            voices_for({}, settings, recipes.get(settings).team)
    except SiriusError as error:
        return str(error)
    return ""


def missing(settings: Settings) -> str:
    """What is still to be said before these settings can be played; empty if nothing is."""
    if settings.source not in MADE and not settings.data:
        return "Say where the problems are: the path of the file or folder, under Problems."
    if (settings.base_url or settings.key_env) and not settings.model:
        return "Name the model at the endpoint, too."
    if settings.source not in SOURCES and not (settings.model or settings.checkpoint):
        return f"The pocket model reads only the embedded word problems: for {settings.source}, name a model at an " \
               "endpoint."
    return ""
