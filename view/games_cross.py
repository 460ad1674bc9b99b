"""Every player against every other: the stored matrix as a heatmap, its numbers, what is different, a cell's games."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from sirius_core import cross_table, crossplay, scoresheet
from sirius_core.store import Experiment, Store
from sirius_core.trajectories import Trajectory

from . import charts, code, games_words, lab
from .columns import NOTHING

PAIRS = ("paper", "payoff", "wins", "lost_games", "bad_taken")
BOTH = ("deals", "price", "share", "messages", "invalid")
SHARES = ("wins", "lost_games", "lost_deals", "bad_taken", "deals", "invalid", "forfeits", "share")
SHOWN = 100  # games of a cell in a list
Record = Mapping[str, Any]


def draw(store: Store, e: Experiment) -> None:
    record = crossplay.measured(store, e.id)
    if record is None or not record["splits"]:
        with st.container(border=True, key="gm_no_matrix"):
            st.subheader("No matrix yet", anchor=False)
            st.write("After the last round the untrained players and those of now are put into both seats against each "
                     "other, in the same games. More players and more games on request:")
            st.code(f"sirius cross-play {e.id}", language="bash")
        return
    split, seat, measure = choose(record)
    roles = record["roles"]
    st.caption(f"{games_words.sentence(scoresheet.named(roles[0]))} moves first and stands in the rows, "
               f"{scoresheet.named(roles[1])} in the columns. All cells play the same games with the same randomness. "
               f"{cross_table.NAMES[measure][1]}")
    left, right = st.columns([2, 3], gap="medium")
    with left, st.container(border=True):
        cell = heatmap(e, record, split, seat, measure)
    with right, st.container(border=True, gap="small"):
        st.subheader("In numbers", anchor=False)
        numbers(e, record, split, seat, measure)
        for line in differences(record, split):
            st.markdown(f"- {line}")
    games(store, e, record, split, cell)


# -- choose ------------------------------------------------------------------------------------------------------------
def choose(record: Record) -> tuple[str, int, str]:
    """(split, seat, number)"""
    roles = record["roles"]
    with st.container(horizontal=True, vertical_alignment="bottom", key="gm_matrix_choice"):
        splits = list(record["splits"])
        split = st.segmented_control("Games", splits, default=splits[0], required=True, key="gm_split",
                                     format_func=lambda s: record["splits"][s]["title"]) or splits[0]
        has = {name.removesuffix("_red").removesuffix("_blue") for cell in record["splits"][split]["cells"]
               for name in cell["numbers"]}
        names = [name for name in (*PAIRS, *BOTH) if name in has]
        measure = st.selectbox("Number", names, key="gm_measure", width=230,
                               format_func=lambda n: cross_table.NAMES[n][0])
        seat = st.segmented_control("Whose", (0, 1), default=0, required=True, key="gm_whose",
                                    disabled=measure in BOTH, format_func=lambda s: games_words.role_title(roles[s]))
    return split, seat or 0, measure


# -- draw --------------------------------------------------------------------------------------------------------------
def heatmap(e: Experiment, record: Record, split: str, seat: int, measure: str) -> tuple[str, str] | None:
    """The matrix; the cell that was clicked, None before."""
    figure = scoresheet.matrix(record, split, seat, measure)
    titles = {p["key"]: p["title"] for p in record["players"]}
    said = "; ".join(f"{titles[c['red']]} against {titles[c['blue']]}: {value(c, seat, measure)}"
                     for c in record["splits"][split]["cells"])
    key = f"matrix_{split}_{seat}_{measure}"
    event = charts.spec(figure, key=key, alt=f"Cross-play. {said}.", height=320, click=True)
    code.copy(key, code.call("matrix", e.id, split, seat, measure))
    points = event["selection"]["points"] if event else []
    if points and points[0].get("customdata"):
        red, blue = list(points[0]["customdata"])[:2]
        return str(red), str(blue)
    return None


def number(cell: Record, seat: int, measure: str) -> Mapping[str, Any] | None:
    numbers = cell["numbers"]
    found: Mapping[str, Any] | None = numbers.get(measure) or numbers.get(f"{measure}_{cross_table.SEAT[seat]}")
    return found if found and found["value"] is not None else None


def value(cell: Record, seat: int, measure: str) -> str:
    """``+2.3 (1.9 to 2.7, n = 500)``"""
    found = number(cell, seat, measure)
    if found is None:
        return NOTHING
    ends = "" if found["low"] is None else f"{shown(found['low'], measure)} to {shown(found['high'], measure)}, "
    return f"{shown(found['value'], measure)} ({ends}n = {found['n']:,})"


def shown(number: float, measure: str) -> str:
    return f"{100 * number:.1f} %" if measure in SHARES else f"{number:.2f}"


def numbers(e: Experiment, record: Record, split: str, seat: int, measure: str) -> None:
    """Each cell with n and interval: the chosen number, and how its games ended."""
    titles, roles = {p["key"]: p["title"] for p in record["players"]}, record["roles"]
    per = 100 if measure in SHARES else 1
    rows = []
    for cell in record["splits"][split]["cells"]:
        found = number(cell, seat, measure) or {"value": None, "low": None, "high": None, "n": 0}
        rows.append({"red": titles[cell["red"]], "blue": titles[cell["blue"]],
                     **{name: None if found[name] is None else per * found[name] for name in ("value", "low", "high")},
                     "n": found["n"], "deals": 100 * cell["numbers"]["deals"]["value"],
                     "lost": 100 * cell["numbers"][f"lost_games_{cross_table.SEAT[seat]}"]["value"]})
    form, column = "%.1f %%" if per == 100 else "%.2f", st.column_config.NumberColumn
    st.dataframe(rows, hide_index=True, key="matrix_numbers", placeholder=NOTHING,
                 alt="Each cell of the matrix: the number with its interval and n, deals, losing deals",
                 column_config={"red": games_words.role_title(roles[0]), "blue": games_words.role_title(roles[1]),
                                "value": column(cross_table.NAMES[measure][0], format=form),
                                "low": column("from", format=form, help="The lower end of the 95 % interval."),
                                "high": column("to", format=form, help="The upper end of the 95 % interval."),
                                "deals": column("deals", format="%.0f %%"),
                                "lost": column("losing deals", format="%.1f %%", help="Games in which "
                                               f"{scoresheet.named(roles[seat])} signs a deal worth less than none.")})
    stored = next((n for cell in record["splits"][split]["cells"] for n in (
        measure, f"{measure}_{cross_table.SEAT[seat]}") if n in cell["numbers"]), measure)
    chosen = f"split == '{split}' and number == '{stored}'"
    code.copy("matrix_numbers", f"{code.call('cross_play', e.id)}.query({code.literal(chosen)})")


def differences(record: Record, split: str) -> list[str]:
    """What training changed against the untrained pair in the same games, a sentence for each player that is not it."""
    titles, roles = {p["key"]: p["title"] for p in record["players"]}, record["roles"]
    found = []
    for line in record["splits"][split]["differences"]:
        own = line["red"] if line["seat"] == 0 else line["blue"]
        other = line["blue"] if line["seat"] == 0 else line["red"]
        if line["measure"] != "payoff" or line["seat"] is None or other != "base" or line["value"] is None:
            continue
        role = scoresheet.named(roles[line["seat"]])
        sure = line["low"] is not None and (line["low"] > 0 or line["high"] < 0)
        verb = ("earns more than" if line["value"] > 0 else "earns less than") if sure else "cannot be told apart from"
        found.append(f"{games_words.sentence(role)} of {lab.plain(titles[own])} **{verb}** the untrained one against "
                     f"the untrained {roles[1 - line['seat']]}: {line['value']:+.2f} a game ({line['low']:+.2f} to "
                     f"{line['high']:+.2f}, n = {line['n']:,}, paired by game).")
    return found


def games(store: Store, e: Experiment, record: Record, split: str, clicked: tuple[str, str] | None) -> None:
    """The games of a cell as links; which cell can be clicked or chosen."""
    titles, roles = {p["key"]: p["title"] for p in record["players"]}, record["roles"]
    cells = [(c["red"], c["blue"]) for c in record["splits"][split]["cells"]]
    if clicked in cells and st.session_state.get("gm_clicked") != clicked:
        st.session_state["gm_clicked"] = st.session_state["gm_cell"] = clicked
    with st.container(border=True, gap="small"):
        st.subheader("The games of a cell", anchor=False)
        if st.session_state.get("gm_cell") not in cells:
            st.session_state["gm_cell"] = cells[-1]
        red, blue = st.selectbox(
            "Cell", cells, key="gm_cell", width=460, help="Or click on the matrix.",
            format_func=lambda c: f"{games_words.role_title(roles[0])} {titles[c[0]]}, "
                                  f"{games_words.role_title(roles[1])} {titles[c[1]]}")
        wanted = f"{crossplay.PHASE}:{split}:{red}:{blue}"
        found = [t for round, phase in store.episodes.phases(e.id, wanted) if phase == wanted
                 for t in store.episodes.find(e.id, round=round, phase=phase, whole=False)]
        if not found:
            return
        names = {t.id: f"Game {i}: {came(t)}" for i, t in enumerate(found[:SHOWN])}
        with st.container(horizontal=True, vertical_alignment="bottom"):
            game = st.selectbox(f"Its games ({len(found):,})", list(names), key=f"gm_of_{wanted}", width=460,
                                format_func=names.get)
            st.button("See it as a table", icon=":material/table_rows:", key="gm_open", on_click=open_game,
                      args=(game,))


def came(t: Trajectory) -> str:
    """How a game ended, in the rule's words."""
    return (t.reward.read if t.reward is not None else None) or t.outcome.answer or t.outcome.why


def open_game(trajectory: str) -> None:
    st.query_params["part"], st.query_params["traj"] = "game", trajectory
