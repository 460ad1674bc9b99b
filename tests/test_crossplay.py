"""The cross-play matrix: what games come to, cells over the same games, players of other experiments, going on."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass

import pytest
from bargaining import BargainingMachine, bargain
from hypothesis import given, settings
from hypothesis import strategies as st
from plotly.graph_objects import Figure

from sirius_core import cross_table, crossplay, figures, frames, games, inquiries, measures
from sirius_core.__main__ import main
from sirius_core.commands.crossplay import CANCEL, PROGRESS, measure
from sirius_core.errors import Cancelled, UsageError
from sirius_core.improve import Run
from sirius_core.measures.games import measure as measured
from sirius_core.measures.played import of_state
from sirius_core.store import Store
from sirius_core.trajectories import SeedPath

SALE = games.setting("sell_and_buy", "40/60")
ROLES = ("seller", "buyer")


@dataclass(frozen=True)
class Who:
    key: str
    title: str = ""
    experiment: str = "e"
    round: int = 0


def sale(*moves, group="g", learner=None, setting=SALE):
    """A game of Sell&Buy as it was played: prices, ``yes``, ``no``, and ``?`` for what is no move."""
    state = games.start(setting)
    for move in moves:
        if move == "?":
            state, _ = state.said("I like it.")
        else:
            known = {"yes": games.accept, "no": games.reject}
            state, _ = state.moved(known.get(move) or games.offer({"X": 1}, {"ZUP": move}))
    return of_state(state, f"t-{group}", group, group, learner)


DEALS = [sale(52, "yes", group="a"), sale(70, 30, "yes", group="b"), sale(66, 38, "no", group="c"),
         sale("?", 50, "?", "?", group="d")]


# -- one game --------------------------------------------------------------------------------------------------------
def test_a_sale_as_plain_values():
    deal, loss, refused, forfeit = DEALS
    assert (deal.ended, deal.payoffs, deal.paper) == ("accepted", (12, 8), (2, -2))
    assert (deal.price, deal.share) == (52, (0.6, 0.4))
    assert (deal.messages, deal.said, deal.invalid, deal.winner, deal.lost) == (2, (1, 1), (0, 0), 0, (False, False))
    assert (loss.payoffs, loss.lost, loss.bad_offers, loss.winner) == ((-10, 30), (True, False), (1, 1), 1)
    assert (refused.ended, refused.by, refused.payoffs, refused.paper) == ("rejected", 0, (0, 0), (0, 0))
    assert (refused.deal, refused.price, refused.share, refused.winner) == (False, None, None, None)
    assert (refused.bad_offers, refused.lost) == ((1, 1), (False, False))
    assert (forfeit.ended, forfeit.forfeit, forfeit.by) == ("forfeit", True, 1)
    assert (forfeit.said, forfeit.invalid) == ((2, 2), (1, 2))
    even = sale(40, "yes")  # at cost: a deal worth as much as none is no loss, nor is the offer of it
    assert (even.payoffs, even.lost, even.bad_offers) == ((0, 20), (False, False), (0, 0))


def test_the_other_games_as_plain_values():
    pot = games.start(games.setting("ultimatum", "1000"))
    pot, _ = pot.moved(games.offer({"Dollars": 300}, {}))
    nothing = of_state(pot)  # it was left
    assert (nothing.ended, nothing.payoffs, nothing.paper, nothing.deal) == ("", (0, 0), (-50, -50), False)
    split = of_state(pot.moved(games.accept)[0])
    assert (split.payoffs, split.paper, split.share, split.price) == ((700, 300), (20, -20), (0.7, 0.3), None)
    swap = games.start(games.setting("resource_exchange"))
    swap, _ = swap.moved(games.offer({"X": 5}, {"Y": 3}))
    swap = of_state(swap.moved(games.accept)[0])
    assert (swap.payoffs, swap.paper, swap.share, swap.lost, swap.winner) == ((-2, 2), (-2, 2), None, (True, False), 1)


# -- what games come to ----------------------------------------------------------------------------------------------
def value(cell, name):
    return cell["numbers"][name]["value"], cell["numbers"][name]["n"]


def test_a_cell_by_hand():
    made = cross_table.cell(DEALS)
    assert (made["n"], made["endings"]) == (4, {"accepted": 2, "forfeit": 1, "rejected": 1})
    assert (made["prices"], made["shares"]) == ({"30": 1, "52": 1}, {"-50": 1, "60": 1})
    numbers = {name: value(made, name) for name in made["numbers"]}
    assert numbers == {
        "deals": (0.5, 4), "forfeits": (0.25, 4), "invalid": (3 / 12, 12), "messages": (9 / 4, 4),
        "payoff_red": (0.5, 4), "payoff_blue": (9.5, 4), "paper_red": (-4.5, 4), "paper_blue": (4.5, 4),
        "wins_red": (0.5, 2), "wins_blue": (0.5, 2), "lost_games_red": (0.25, 4), "lost_games_blue": (0.0, 4),
        "lost_deals_red": (0.5, 2), "lost_deals_blue": (0.0, 2), "bad_taken_red": (0.5, 2), "bad_taken_blue": (0.0, 2),
        "price": (41.0, 2), "share": (pytest.approx(0.05), 2),
    }
    assert made["numbers"]["payoff_red"]["low"] < 0.5 < made["numbers"]["payoff_red"]["high"]
    assert {name.removesuffix("_red").removesuffix("_blue") for name in numbers} == set(cross_table.NAMES)


def test_differences_are_paired_by_game():
    better = [sale(56, "yes", group="b"), sale(58, "yes", group="a"), sale(50, "yes", group="new")]
    found = {(d["seat"], d["measure"]): (d["value"], d["n"]) for d in cross_table.differences(DEALS, better, [0])}
    assert found == {(0, "payoff"): (16.0, 2), (0, "paper"): (16.0, 2), (0, "lost_games"): (-0.5, 2),
                     (None, "deals"): (0.0, 2)}


def test_who_is_on_top():
    one, two = Who("base"), Who("r2", round=2)
    seller = {"base": 45, "r2": 55}  # the seller alone sets the price
    cells = {(a, b): [sale(seller[a.key], "yes", group=f"g{i}") for i in range(3)]
             for a in (one, two) for b in (one, two)}
    found = cross_table.record("sell_and_buy", ROLES, {"heldout": cells}, {"heldout": "held-out games"})
    assert [p["key"] for p in found["players"]] == ["base", "r2"]
    part = found["splits"]["heldout"]
    assert [(c["red"], c["blue"]) for c in part["cells"]] == [("base", "base"), ("base", "r2"), ("r2", "base"),
                                                             ("r2", "r2")]
    rank = part["rank"]
    assert rank["red"]["r2"] > 0.999 and rank["blue"] == {"base": 0.5, "r2": 0.5}  # a buyer changes nothing
    assert rank["both"]["r2"] > 0.999 and rank["first"] == pytest.approx({"base": 0, "r2": 1})
    told = [(d["red"], d["blue"], d["seat"], d["value"]) for d in part["differences"] if d["measure"] == "payoff"]
    assert told == [("base", "r2", 1, 0.0), ("r2", "base", 0, 10.0), ("r2", "r2", 0, 10.0), ("r2", "r2", 1, -10.0)]
    alone = cross_table.record("sell_and_buy", ROLES, {"heldout": {(one, one): cells[one, one]}}, {})
    assert alone["splits"]["heldout"]["rank"] is None and alone["splits"]["heldout"]["differences"] == []


@settings(max_examples=10)
@given(st.lists(st.lists(st.sampled_from([35, 45, 50, 65, "yes", "no", "?"]), max_size=6), min_size=1, max_size=6))
def test_no_games_break_a_record(moves):
    played = [sale(*each, group=f"g{i}") for i, each in enumerate(moves)]
    one, two = Who("base"), Who("r1", round=1)
    cells = {(a, b): played for a in (one, two) for b in (one, two)}
    made = cross_table.record("sell_and_buy", ROLES, {"heldout": cells}, {})
    json.dumps(made, allow_nan=False)
    numbers = made["splits"]["heldout"]["cells"][0]["numbers"]
    assert sum(numbers[f"wins_{side}"]["value"] or 0 for side in ("red", "blue")) in (0, pytest.approx(1))
    assert numbers["paper_red"]["value"] == pytest.approx(-numbers["paper_blue"]["value"])
    for name in ("paper", "deals", "lost_games", "price"):
        Figure(figures.cross_play(made, measure=name))
    Figure(figures.prices(made))


# -- the rows of a round ---------------------------------------------------------------------------------------------
def test_a_round_by_role():
    before = [sale(52, "yes", group="a", learner=0), sale(48, "yes", group="b", learner=1)]
    now = [sale(56, "yes", group="a", learner=0), sale(36, "no", group="b", learner=1)]
    rows = measured(now, before, ROLES)
    assert {(r["measure"], r["where"]): r["value"] for r in rows if r["value"] is not None} == {
        ("paper", "seller"): 6.0, ("payoff", "seller"): 16.0, ("deals", "seller"): 1.0, ("lost_games", "seller"): 0.0,
        ("lost_deals", "seller"): 0.0, ("invalid", "seller"): 0.0, ("forfeits", "seller"): 0.0,
        ("payoff_change", "seller"): 4.0,
        ("paper", "buyer"): 0.0, ("payoff", "buyer"): 0.0, ("deals", "buyer"): 0.0, ("lost_games", "buyer"): 0.0,
        ("invalid", "buyer"): 0.0, ("forfeits", "buyer"): 0.0, ("payoff_change", "buyer"): -12.0}
    assert {r["measure"] for r in rows} <= set(measures.NAMES)
    beyond = measured(now, (), ROLES, "out of distribution", ("paper",))
    assert [(r["measure"], r["where"]) for r in beyond] == [
        ("paper", "seller, out of distribution"), ("paper", "buyer, out of distribution")]


# -- randomness ------------------------------------------------------------------------------------------------------
def seed_of(phase, round=2, **more):
    return SeedPath("e", 7, round, phase, "task", **more).call_seed("seller", "answer", None, "request", 0)


def test_all_cells_draw_the_same_randomness():
    one = seed_of("cross:heldout:base:base", round=0)
    assert one == seed_of("cross:heldout:r2:OTHER-0-1:r3") != seed_of("cross:withheld_forms:base:base", round=0)
    paths = {SeedPath("e", 7, 0, f"cross:heldout:{cell}", "task").id for cell in ("base:base", "base:r1", "r1:base")}
    assert len(paths) == 3


def test_the_seeds_of_all_else_are_as_they_were():
    assert seed_of("propose") == 5032387464987114627
    assert seed_of("evaluate:heldout:sampled", attempt=3) == 4406418951945929154
    assert seed_of("credit:base:sampled", branch="x") == seed_of("credit:analyst:sampled") == 4905934694008318087


@pytest.mark.parametrize("phase, players", [
    ("cross:heldout:base:r2", ("base", "r2")), ("cross:heldout:OTHER-0-1:r3:base", ("OTHER-0-1:r3", "base")),
    ("cross:heldout:r1:OTHER-0-1:base", ("r1", "OTHER-0-1:base")), ("evaluate:heldout:sampled", None),
    ("cross:heldout:a-0-1:base:b-0-1:r2", ("a-0-1:base", "b-0-1:r2"))])
def test_a_phase_names_its_players(phase, players):
    assert crossplay.players_of(phase) == players


# -- of an experiment ------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("cross") / "lab.db"
    with Store(path) as store:
        bargain(store, heldout=12, withheld_forms=8, matrix=8)
        bargain(store, "other", seed=1, rounds=1, matrix=0, heldout=8)
    return path


@pytest.fixture
def lab(finished, tmp_path):
    """A copy of it: (path, experiment)."""
    shutil.copy(finished, tmp_path / "lab.db")
    return tmp_path / "lab.db", "bargain-0-1"


def test_after_the_last_round(lab):
    path, e = lab
    with Store(path) as store:
        found = crossplay.measured(store, e)
        assert [(p["key"], p["title"], p["round"]) for p in found["players"]] == [("base", "base", 0),
                                                                                ("r2", "round 2", 2)]
        assert list(found["splits"]) == ["heldout", "withheld_forms"]
        assert all(cell["n"] == 8 for part in found["splits"].values() for cell in part["cells"])
        assert crossplay.measured(store, "other-1-1") is None  # matrix=0
        cells = {(c["red"], c["blue"]): value(c, "payoff_red")[0] for c in found["splits"]["heldout"]["cells"]}
        assert cells["r2", "base"] > cells["base", "base"] > cells["base", "r2"]
        final, base = store.weights.models(e, 2)[0], store.weights.models(e, 0)[0]["*"]
        sat = store.episodes.find(e, phase="cross:heldout:r2:base")
        assert {(turn.role, turn.model) for t in sat for turn in t.turns} == {
            ("seller", final["seller"]), ("buyer", base)}
        assert {turn.seat for t in sat for turn in t.turns} == {None}
        tests = store.episodes.tasks([t.task for t in store.episodes.find(e, phase="evaluate:heldout:sampled")])
        own = store.episodes.tasks([t.task for t in sat])
        amounts = {task.group: task.data["game"] for task in tests.values()}
        assert {group: game for task in own.values() for group, game in [(task.group, task.data["game"])]
                if group in amounts} == amounts  # the first games are those of the tests
        report = store.experiments.reports(e)[-1]
        turns = store.db.value("SELECT count(*) FROM turn JOIN trajectory ON seq = trajectory WHERE round = 2 "
                               "AND experiment = ? AND phase NOT GLOB 'cross:*'", e)
        assert report["usage"]["calls"] == turns and "cross_play" in report["phases"]
        assert store.check(figures.for_round, measure=measures.again(store)) == [] == list(crossplay.differing(store))
        found["splits"]["heldout"]["cells"][0]["numbers"]["price"]["value"] = 99.0
        store.experiments.set_measurement(e, crossplay.MEASUREMENT, found)
        wrong, = crossplay.differing(store)
        assert wrong.startswith(f"cross_play ({e}): splits.heldout.cells.0.numbers.price.value is 99.0, derived ")


def test_more_players_and_more_games_go_on_where_it_was(lab):
    path, e = lab
    with Store(path) as store:
        before = crossplay.measured(store, e)
    made = measure(path, e, ["base", "r1", "now", "other-1-1:1"], 8, machine=BargainingMachine())
    assert [p["title"] for p in made["players"]] == ["base", "round 1", "round 2", "round 1 of other-1-1"]
    cells = made["splits"]["heldout"]["cells"]
    assert len(cells) == 16 and [c for c in cells if {c["red"], c["blue"]} <= {"base", "r2"}] == [
        c for c in before["splits"]["heldout"]["cells"]]
    assert made["splits"]["withheld_forms"] == before["splits"]["withheld_forms"]
    more = measure(path, e, games=16, out_of_distribution=True, machine=BargainingMachine())
    assert {c["n"] for c in more["splits"]["heldout"]["cells"]} == {8, 16}
    with Store(path) as store:
        assert store.db.value("SELECT count(*) FROM trajectory WHERE phase GLOB 'cross:heldout:*'") == 8 * 16 + 8 * 4
        assert store.experiments.measurement(e, PROGRESS)[1] == "cross_play"
        assert store.experiments.measurement(e, CANCEL) is False
        assert list(crossplay.differing(store)) == []
        assert all(report["faults"] == {} for report in store.experiments.reports(e))


def test_a_stopped_matrix_ends_like_one_that_was_not(lab):
    path, e = lab
    players = ["r1", "other-1-1:base"]
    whole = measure(path, e, players, 8, machine=BargainingMachine())

    class Stops(BargainingMachine):
        calls = 0

        def model(self, name, blob):
            made, outer = super().model(name, blob), self
            complete = made.complete

            async def counted(messages, sampling):
                outer.calls += 1
                if outer.calls == 60:
                    raise Cancelled("enough")
                return await complete(messages, sampling)

            made.complete = counted
            return made

    with Store(path) as store, store.write():
        gone = "SELECT seq FROM trajectory WHERE phase GLOB 'cross:*r1*' OR phase GLOB 'cross:*other*'"
        store.db.run(f"DELETE FROM turn WHERE trajectory IN ({gone})")
        store.db.run(f"DELETE FROM trajectory WHERE seq IN ({gone})")
        store.db.run("DELETE FROM work WHERE phase = 'cross'")
    with pytest.raises(Cancelled):
        measure(path, e, players, 8, machine=Stops())
    assert measure(path, e, players, 8, machine=BargainingMachine()) == whole


def test_what_cannot_be_played_is_said(lab):
    path, e = lab
    with Store(path) as store:
        run = Run(store, store.experiments.get(e), BargainingMachine())
        for said, why in ((["base", "9"], "has 2 trained rounds"), (["first"], "write base, now, a round"),
                          (["nobody-0-1:1"], "no such experiment"), ([], "a matrix needs players")):
            with pytest.raises(UsageError, match=why):
                crossplay.play(run, said)
        with pytest.raises(UsageError, match="at least two games"):
            crossplay.play(run, games=1)
        with pytest.raises(UsageError, match="not 'validation'"):
            crossplay.play(run, splits=["validation"])
    assert main(["cross-play", e, "--db", str(path), "--players", "base,9"]) == 2


def test_the_table_of_a_terminal(lab, capsys):
    path, e = lab
    assert main(["cross-play", e, "--db", str(path), "--games", "8"]) == 0  # all of it is stored
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "held-out games: seller (first), buyer (second); payoffs as in the paper, of all games"
    assert out[3].split()[:3] == ["round", "2", "base"] and "deals" in out[3] and "price" in out[3]
    assert any(line.startswith("  the seller of round 2 x base earns +") for line in out)
    assert any(line.startswith("  alpha-rank, taking both seats: round 2 1.00") for line in out)
    assert main(["cross-play", e, "--db", str(path), "--games", "8", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["splits"].keys() == {"heldout", "withheld_forms"}


def test_notebooks_have_it_all(lab):
    path, e = lab
    with frames.open(path) as book:
        played = book.games(e, phase="cross:heldout:%")
        assert len(played) == 32 and set(zip(played.red, played.blue, strict=True)) == {
            (a, b) for a in ("base", "r2") for b in ("base", "r2")}
        wide = book.cross_play(e).pivot(index=["split", "red", "blue"], columns="number", values="value")
        for cell, part in played.groupby(["red", "blue"]):
            assert wide.loc[("heldout", *cell), "payoff_red"] == pytest.approx(part.payoff_red.mean())
            assert wide.loc[("heldout", *cell), "deals"] == pytest.approx(part.deal.mean())
        tests = book.games(e, round=2, phase="evaluate:heldout:sampled")
        assert set(zip(tests.red, tests.blue, tests.learner, strict=True)) == {
            ("learner", "base", "seller"), ("base", "learner", "buyer")}
        assert set(book.cross_play_differences(e).measure) == {"payoff", "paper", "lost_games", "deals"}
        assert list(book.alpha_rank(e).player) == ["base", "r2"] * 2
        assert book.cross_play("other-1-1").empty
        heat = book.figure("cross_play", e).data[0]
        assert [list(row) for row in heat.text] == [[f"{v:.1f}" for v in row] for row in heat.z]
        assert [t.name for t in book.figure("payoffs", e).data] == ["seller", "buyer"]


def test_what_if_is_played_by_the_two_who_played_the_game(lab):
    path, e = lab
    with Store(path) as store:
        game = next(t for t in store.episodes.find(e, phase="cross:heldout:r2:base") if len(t.turns) > 1)
        with pytest.raises(UsageError, match="by the two who played it"):
            inquiries.ask(store, game.id, turn=0, text="aim 5 0 : reject", now=True)
        asked = inquiries.ask(store, game.id, turn=0, text="aim 7 0 : offer 7 0", k=2)
    assert inquiries.carry_out(path, asked, machine=BargainingMachine()).status == "done"
    with Store(path) as store:
        final, base = store.weights.models(e, 2)[0], store.weights.models(e, 0)[0]["*"]
        said = {(turn.role, turn.model) for t in store.episodes.find(e, phase="whatif:%") for turn in t.turns
                if turn.origin == "sampled"}
        assert ("buyer", base) in said and said <= {("buyer", base), ("seller", final["seller"])}
