"""What a reviewer has at hand beside the item: how far it is, the last decisions, how one is doing, the keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from statistics import median

import streamlit as st

from sirius_core.store import Review, RewriteReview

from . import actions, lab
from .numbers import clock, local_time, many

Decisions = Mapping[str, Review] | Mapping[str, RewriteReview]
WORDS = (("accept", "accepted"), ("edit", "edited"), ("reject", "rejected"))
KEYS = (  # of the review of repairs
    ("A", "accept the rewrite"),
    ("Ctrl or ⌘ + Enter", "try the edit, then save it"),
    ("X", "reject, with the reason that is set"),
    ("1 to 4", "set or clear the reason; of a blind one: the turn that went wrong"),
    ("0", "of a blind one: cannot tell"),
    ("→", "skip, or the next one"),
    ("←", "the one before"),
    ("F", "flag for a second look"),
    ("U", "undo"),
)
LAST = 10  # decisions that are listed


def progress(ids: Sequence[str], decisions: Decisions, skipped: Sequence[str] = ()) -> None:
    """A bar: reviewed, accepted, edited, rejected, skipped, the pace, and how long the rest will take at it."""
    done = [decisions[i] for i in ids if i in decisions]
    counts = Counter(d.verdict for d in done)
    parts = [f"{len(done)} of {len(ids)} reviewed"] + [f"{counts[verdict]} {word}" for verdict, word in WORDS]
    if later := len({i for i in skipped if i in ids and i not in decisions}):
        parts.append(f"{later} skipped")
    paced = [d.seconds for d in done if d.seconds]  # those accepted together took no time each
    if len(paced) >= 3:
        pace = median(paced)
        parts.append(f"{pace:.1f} s each (median)")
        parts.append(f"about {clock(pace * (len(ids) - len(done)))} left")
    st.progress(len(done) / max(1, len(ids)), text=" · ".join(parts))


def last(decisions: Decisions) -> None:
    """The last decisions, each a link to its item."""
    found = sorted(decisions.items(), key=lambda pair: pair[1].created_at, reverse=True)[:LAST]
    for item, d in found:
        why = f" ({lab.plain(d.reason)})" if d.reason else ""
        lab.link(lab.REVIEW, f"{d.verdict}{why} · {lab.plain(d.author)} · {local_time(d.created_at)}", rv=item)


def popover(
    label: str, icon: str, key: str, draw: Callable[[], None], *, disabled: bool = False, always: bool = False
) -> bool:
    """A popover whose inside is made when it is opened; whether it is open, so that keys may rest meanwhile.

    ``always``: its inside is made in any case, because it has a choice that stands in the address.
    """
    box = st.popover(label, icon=icon, key=key, on_change="rerun", disabled=disabled)
    if box.open or always:
        with box:
            draw()
    return bool(box.open)


def keys(rows: Sequence[tuple[str, str]]) -> None:
    """The sheet of keys, and the name beside one's decisions."""
    caps = [(" ".join(k if k in ("or", "to", "+") else f"`{k}`" for k in key.split()), what) for key, what in rows]
    st.markdown("| key | what it does |\n|:--|:--|\n" + "\n".join(f"| {key} | {what} |" for key, what in caps))
    st.caption("Keys do nothing while you type, while a box like this is open, and in the first third of a second. A "
               "key that is held down counts once.")


def name() -> None:
    st.text_input("Your name, written beside your decisions", key="rv_author", persist_state="session", max_chars=40,
                  placeholder="a person")


def way_on(experiment: str, round: int, left: int, what: str) -> None:
    """Let the round go on although ``left`` items wait."""
    if left:
        where = " of the library" if what == "repair" else ""
        st.button(
            "Go on without the rest",
            icon=":material/skip_next:",
            key="go_on",
            on_click=actions.go_on,
            args=(experiment, round),
            help=f"{many(left, f'undecided {what}')} would stay out{where}. Once training begins, decisions stand.",
        )


def past(decisions: Decisions, what: str = "") -> None:
    """What people decided so far."""
    counts = Counter(d.verdict for d in decisions.values())
    if counts:
        said = " · ".join(f"{counts[verdict]} {word}" for verdict, word in WORDS if counts[verdict])
        st.caption(f"Decisions{what} so far: {said}.")
