"""A round's library as files for other tools, and whether it follows from what it came from."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from sirius_core import export, provenance, recipes
from sirius_core.errors import SiriusError
from sirius_core.imports import imported
from sirius_core.store import Experiment, Store

from . import lab
from .numbers import many

FORMATS = {"openai": "OpenAI chat lines", "trl": "TRL messages", "preferences": "TRL preference pairs"}
SHAPES = {
    "openai": '{"messages": [{"role": "user", "content": ...}, {"role": "assistant", "content": ...}]}',
    "trl": '{"messages": [{"role": "user", "content": ...}, {"role": "assistant", "content": ...}]}',
    "preferences": '{"prompt": [...], "chosen": [{"role": "assistant", ...}], "rejected": [...]}',
}
NOTES = {
    "openai": "For OpenAI's and other hosts' fine-tuning.",
    "trl": "The same object, as SFTTrainer reads it; with `assistant_only_loss` prompts carry no loss.",
    "preferences": "For DPOTrainer: to the same prompt, a critic's repair over the failure, and a person's edit over "
                   "the failure and over the critic's repair. Equal pairs stand there once.",
}
ALL = "every role of the round"


def draw(store: Store, e: Experiment, chosen: Mapping[str, Any]) -> None:
    if store.weights.models(e.id, chosen["round"]) is None and not imported(e):  # the round has not come so far
        with st.container(border=True, key="lb_export"):
            _export(e, chosen)
        return
    left, right = st.columns([3, 2], gap="medium")
    with left.container(border=True, height="stretch", key="lb_export"):
        _export(e, chosen)
    with right.container(border=True, height="stretch", key="lb_verify"):
        _verify(e, chosen)


def _export(e: Experiment, chosen: Mapping[str, Any]) -> None:
    st.subheader("Take it with you", anchor=False)
    format = st.segmented_control("Format", list(FORMATS), key="lb_format", default="openai", required=True,
                                  format_func=FORMATS.get) or "openai"
    own = "all roles" if chosen["model"] == "*" else chosen["model"]
    scope = own
    if own != "all roles":
        scope = st.radio("Of", [own, ALL], key="lb_scope", horizontal=True, format_func=lab.plain)
    model = None if scope == ALL else chosen["model"]
    st.caption(NOTES[format])
    st.code(SHAPES[format], language="json", wrap_lines=True)
    if e.settings.recipe in recipes.RECIPES or format != "preferences":  # a person's own recipe runs on a click only
        lines, kept_in = counted(str(lab.path()), e.id, chosen["round"], model or "", format)
        what = "pair" if format == "preferences" else "line"
        st.markdown(f"**{many(lines, what)}**, each with its line in `provenance.jsonl`, and checksums."
                    + (f" {many(kept_in, what)} stay here: their licence asks for it." if kept_in else ""))
    name = f"{e.id}.round{chosen['round']}.{'every-role' if model is None else own.replace(' ', '-')}.{format}.zip"
    st.download_button("Download", data=partial(archive, str(lab.path()), e.id, chosen["round"], format, model),
                       file_name="".join(c if c.isalnum() or c in "-_." else "-" for c in name),
                       mime="application/zip", icon=":material/download:", key="lb_download", type="primary",
                       on_click="ignore")
    st.caption("Or into a folder, by the command line:")
    words = ["sirius", "export", e.id, "--round", str(chosen["round"]), "--format", format,
             *(["--model", model] if model else []), "--db", str(lab.path())]
    st.code(shlex.join(words), language="bash", wrap_lines=True)


@st.cache_data(max_entries=64, show_spinner=False)
def counted(path: str, experiment: str, round: int, model: str, format: str) -> tuple[int, int]:
    """(lines, how many the licence keeps in); a training set never changes, so this is asked once."""
    with Store(path) as store:
        found = [export.counted(store, experiment, s, format)
                 for s in export.sets(store, experiment, round, model or None)]
    return sum(n for n, _ in found), sum(kept_in for _, kept_in in found)


def archive(path: str, experiment: str, round: int, format: str, model: str | None) -> bytes:
    """The ZIP archive, made when it is asked for, in a thread of its own."""
    with Store(path) as store:
        return export.zipped(store, experiment, round, format, model)


def _verify(e: Experiment, chosen: Mapping[str, Any]) -> None:
    st.subheader("Does it follow from its sources?", anchor=False)
    own = not imported(e)
    st.write("Trajectories, decisions and seeds give the round's training sets again, hash for hash." if own else
             "Traces and decisions give the library again, hash for hash.")
    if own and e.settings.recipe not in recipes.RECIPES:
        st.caption("This runs the experiment's own recipe file.")
    key = f"lb_rebuilt_{chosen['id']}"
    st.button("Derive it anew", icon=":material/fact_check:", key="lb_rebuild", on_click=_rebuild,
              args=(e.id, chosen["round"], key))
    for line in st.session_state.get(key, ()):
        sign, colour = (":material/check:", "green") if line["equal"] else (":material/close:", "red")
        with st.container(horizontal=True, vertical_alignment="center", key=f"lb_same_{line['model']}"):
            st.badge("equal" if line["equal"] else "differs", icon=sign, color=colour)
            st.markdown(lab.plain(line["said"]))
    st.caption("The whole database is checked on the settings page, or by `sirius check`.")
    if not own:
        return  # nobody was trained: there is no round to repeat
    st.download_button("Manifest", data=partial(manifest, str(lab.path()), e.id, chosen["round"]),
                       file_name=f"{e.id}.round{chosen['round']}.manifest.json", mime="application/json",
                       icon=":material/description:", key="lb_manifest", on_click="ignore",
                       help="What it takes to repeat the round: seeds, settings, hashes of prompts, training sets and "
                            "checkpoints. No address, key or path of this machine.")


def _rebuild(experiment: str, round: int, key: str) -> None:
    try:
        with lab.opened() as store:
            found = provenance.rebuild(store, experiment, round)
    except SiriusError as error:
        st.session_state["_notice"] = str(error)
        return
    st.session_state[key] = [{"model": r.model, "equal": r.equal, "said": _said(r)} for r in found]


def _said(r: provenance.Rebuilt) -> str:
    role = "all roles" if r.model == "*" else r.model
    if r.equal:
        return f"{role}: {many(r.examples_derived, 'example')}, {(r.stored or '')[:12]}"
    return (f"{role}: stored {(r.stored or 'none')[:12]} ({r.examples_stored:,}), derived {(r.derived or 'none')[:12]} "
            f"({r.examples_derived:,})")


def manifest(path: str, experiment: str, round: int) -> bytes:
    with Store(path) as store:
        return json.dumps(provenance.manifest(store, experiment, round), indent=2, ensure_ascii=False).encode()
