"""Around the fields of an endpoint: servers to choose from, which key is read, what the model costs, its check-up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from sirius_core.errors import SiriusError

from . import checkup, lab
from . import servers as known
from .numbers import many


def servers(start: str, base_url: str, key_env: str) -> None:
    """Buttons for what the environment names and, after a click, for what answers on this machine."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for server in known.from_environment():
            what = "OPENAI_API_KEY is set" if server.what == "OpenAI" else "from OPENAI_BASE_URL"
            st.button(f"{_host(server.url)}: {what}", icon=":material/key:", key=f"use_{server.what}", on_click=_use,
                      args=(start, server.url, ()))
        st.button("Look for servers on this machine", icon=":material/radar:", key="look_for_servers", on_click=_look,
                  help="Asks the usual ports of 127.0.0.1 for their list of models: "
                  + ", ".join(f"{port} ({what})" for port, what in known.PORTS.items()) + ".")
        for url, what, models in st.session_state.get("_servers", ()):
            st.button(f"{what} at {_host(url)}, {many(len(models), 'model')}", icon=":material/dns:",
                      key=f"use_{url}", on_click=_use, args=(start, url, models))
    if st.session_state.get("_servers") == ():
        st.caption("None of the usual ports answers. Start a server, or write its address under base url.")
    _models(start, base_url, key_env)


def _models(start: str, base_url: str, key_env: str) -> None:
    """The models of the server that is chosen, once they are known."""
    listed = st.session_state.get("_models", {}).get(base_url)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        if listed:
            st.selectbox("Models there", listed, index=None, key="pick_model", on_change=_pick, args=(start,),
                         width=330, placeholder=f"{many(len(listed), 'model')}: choose one")
        elif base_url or known.from_environment():
            st.button("List its models", icon=":material/list:", key="list_models", on_click=_list,
                      args=(base_url, key_env))
        if error := st.session_state.get("_models_error"):
            st.caption(f":material/error: {lab.plain(error)}")


def _host(url: str) -> str:
    return urlsplit(url).netloc or url


def _look() -> None:
    found = known.on_this_machine()
    st.session_state["_servers"] = tuple(tuple(server) for server in found)
    _remember({server.url: server.models for server in found if server.models})


def _remember(models: Mapping[str, tuple[str, ...]]) -> None:
    st.session_state["_models"] = {**st.session_state.get("_models", {}), **models}
    st.session_state["_models_error"] = ""


def _use(start: str, url: str, models: tuple[str, ...]) -> None:
    st.session_state[f"set_{start}_base_url"] = url
    st.session_state["_models_error"] = ""
    if models:
        _remember({url: models})
        if len(models) == 1:
            st.session_state[f"set_{start}_model"] = models[0]


def _list(base_url: str, key_env: str) -> None:
    try:
        _remember({base_url: known.models_at(base_url, key_env)})
    except SiriusError as error:
        st.session_state["_models_error"] = str(error)


def _pick(start: str) -> None:
    if chosen := st.session_state.get("pick_model"):
        st.session_state[f"set_{start}_model"] = chosen


def model(changes: Mapping[str, Any]) -> None:
    """Which key is read; of the model that is named its price and its check-up."""
    if not any(changes.get(name) for name in ("model", "base_url", "key_env")):
        return
    try:
        line = known.key_line(changes.get("base_url", ""), changes.get("key_env", ""))
    except SiriusError as error:
        st.error(lab.plain(str(error)), icon=":material/key_off:")
        return
    st.caption(f":material/key: {lab.plain(line)}")
    if not changes.get("model"):
        return
    for name in dict.fromkeys(filter(None, (changes["model"], changes.get("mender_model", "")))):
        with st.container(border=True):
            _price(name)
    with st.container(border=True):
        st.markdown("**Is it ready?**")
        checkup.card(dict(changes))


def _price(name: str) -> None:
    """What the model costs, as far as somebody has said so; what was paid already keeps its price."""
    with lab.opened() as store:
        row = store.prices.get(name)
    st.markdown(f"**What {lab.plain(name)} costs**")
    st.caption("US dollars per million tokens. " + (
        "Not known: cost is reported as unknown, and max_cost cannot be kept." if row is None else
        f"Said on {row.updated_at[:10]}" + (f": {lab.plain(row.note)}" if row.note else "") + "."))
    grid = st.grid(4, min_column_width=140, gap="small")
    values = (row.input, row.output, row.cached) if row else (None, None, None)
    said = (("read", "Tokens that the model reads."), ("written", "Tokens that it writes."),
            ("read from cache", "Where the server says so; empty: as read."))
    for (label, words), value in zip(said, values, strict=True):
        with grid.cell():
            st.number_input(label, 0.0, 1e6, value, step=0.01, format="%g", key=f"price_{label}_{name}", help=words,
                            placeholder="unknown")
    with grid.cell():
        st.text_input("where it was found", row.note if row else "", key=f"price_note_{name}", max_chars=200,
                      placeholder="the price list, its date")
    with st.container(horizontal=True):
        st.button("Save the price", icon=":material/save:", key=f"price_save_{name}", on_click=_save, args=(name,))
        if row is None:
            st.button("It costs nothing", key=f"price_free_{name}", on_click=_free, args=(name,),
                      help="A server of your own.")


def _save(name: str) -> None:
    read, written, cached = (st.session_state.get(f"price_{label}_{name}")
                             for label in ("read", "written", "read from cache"))
    if read is None or written is None:
        st.session_state["_notice"] = "Two prices are needed: for tokens read and for tokens written."
        return
    _set(name, read, written, cached, (st.session_state.get(f"price_note_{name}") or "").strip())


def _free(name: str) -> None:
    for label in ("read", "written"):
        st.session_state.pop(f"price_{label}_{name}", None)
    _set(name, 0.0, 0.0, None, "a server of one's own")


def _set(name: str, read: float, written: float, cached: float | None, note: str) -> None:
    try:
        with lab.opened() as store:
            store.prices.set(name, read, written, cached, note)
    except SiriusError as error:
        st.session_state["_notice"] = str(error)
