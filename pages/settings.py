"""The lab itself: its database, check and snapshot, endpoints that the environment names, keys, who you are."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import streamlit as st

if not st.session_state.get("_routed"):  # opened by its address on a cold server: the frame comes first
    st.session_state["_goto"] = ("pages/settings.py", st.query_params.to_dict())
    st.switch_page("app.py")

from sirius_core import __version__
from sirius_core.errors import SiriusError
from sirius_core.store import Store
from view import desk, imports, lab, servers, upkeep

DOCS = {
    "README.md": "what the lab is, and the first minutes",
    "docs/review.md": "reviewing repairs; what if, blame, and what reviewing bought",
    "docs/commands.md": "what the command sirius does",
    "docs/data.md": "your own problems as a dataset",
    "docs/real_models.md": "models at endpoints, and fine-tuning of real weights",
    "sirius_core/README.md": "the plan of the house, for whoever reads the code",
    "CHANGELOG.md": "what is new, with what was measured",
}


def variables(store: Store) -> list[str]:
    """Names of environment variables that hold a key: those that experiments name, and what looks like one."""
    asked = {e.settings.key_env for e in store.experiments.all()}
    return sorted(n for n in os.environ if os.environ[n].strip() and (n in asked or n.endswith("_API_KEY")))


def endpoints(store: Store) -> None:
    """What the environment names; servers of this machine are asked on a click only. No key is shown or kept."""
    with st.container(border=True, key="endpoints_card"):
        st.subheader("Models", anchor=False)
        st.markdown("- **The embedded model** is always there: no key, no network.")
        for server in servers.from_environment():
            host = urlsplit(server.url).hostname or "an address that cannot be read"
            st.markdown(f"- **{lab.plain(server.what)}**: {lab.plain(host)}")
        names = variables(store)
        if names:
            st.caption(f"Variables with a key: {', '.join(map(lab.plain, names))}. Their values are never shown, "
                       "stored or logged.")
        else:
            st.caption("No variable with a key is set. `OPENAI_API_KEY` and `OPENAI_BASE_URL` are read when the lab "
                       "starts.")
        if st.button("Look on this machine", icon=":material/lan:", key="look_here"):
            found = servers.on_this_machine()
            for server in found:
                listed = ", ".join(map(lab.plain, server.models[:5])) or "no model listed"
                st.markdown(f"- **{lab.plain(server.what)}** at {lab.plain(server.url)}: {listed}")
            if not found:
                ports = ", ".join(map(str, servers.PORTS))
                st.caption(f"No server of this machine answers with a list of models (ports {ports}).")
        lab.link(lab.RUN, "Run an experiment with one", icon=":material/play_circle:")


def keys() -> None:
    with st.container(border=True, height="stretch", key="keys_card"):
        st.subheader("Keys of the review page", anchor=False)
        desk.keys(desk.KEYS)
        st.caption("In an episode opened from the table of explore: J the next one, K the one before.")


def person() -> None:
    with st.container(border=True, height="stretch", key="person_card"):
        st.subheader("You", anchor=False)
        st.text_input("Your name, written beside your decisions", key="rv_author", persist_state="session",
                      max_chars=40, placeholder="a person")
        st.caption("Kept while this browser tab is open. Light or dark follows your system.")


def about() -> None:
    with st.container(border=True, height="stretch", key="about_card"):
        st.subheader(f"Sirius Lab {__version__}", anchor=False)
        st.write("Open source under the MIT licence. To read on, in the folder of the lab:")
        st.markdown("\n".join(f"- `{file}`: {what}" for file, what in DOCS.items()))


with lab.opened() as store:
    left, right = st.columns([3, 2])
    with left:
        try:
            upkeep.state()
        except (OSError, SiriusError) as error:  # moved or locked while the page was open
            st.error(lab.plain(str(error)), icon=":material/database_off:")
    with right:
        person()
    imports.form()
    left, right = st.columns(2)
    with left:
        upkeep.check()
        endpoints(store)
        about()
    with right:
        upkeep.snapshot()
        keys()
