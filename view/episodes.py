"""One episode as a timeline of turns; a repair beside the failure, and what it changed further on."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

import streamlit as st

from sirius_core import tasks
from sirius_core.pocket.vocabulary import knows
from sirius_core.store.browse import Row
from sirius_core.trajectories import Repair, Task, Trajectory, Turn

from . import lab
from .numbers import dollars, many
from .texts import diff, say, say_pairs
from .words import plain_critique, readable

ICONS = {
    "analyst": ":material/schema:",
    "calculator": ":material/calculate:",
    "summarizer": ":material/short_text:",
    "solo": ":material/person:",
    "critic": ":material/rate_review:",
    "rephraser": ":material/edit_note:",
    "writer": ":material/edit_note:",
    "physicist": ":material/experiment:",
    "chemist": ":material/science:",
    "mathematician": ":material/function:",
    "worker": ":material/construction:",
    "solver": ":material/person:",
    "generator": ":material/person:",
    "actor": ":material/person:",
    "judge": ":material/gavel:",
}
ORIGINS = {"given": "given back word for word", "edited": "rewritten", "sampled": "said afresh"}


PHASES = {
    "propose": "training try",
    "repair": "repair",
    "review": "a person's edit",
    "replays": "reviewer's replay",
    "pass": "pass@k",
    "pilot": "pilot for the cost",
    "rewrite": "an instruction rewritten",
    "human": "against a person",
    "imported": "imported",
    "cross_play": "cross-play",
    "sent": "sent to review",
}
PARTS = {
    "heldout": "held-out",
    "new_wordings": "new wordings",
    "withheld_forms": "withheld forms",
    "again": "playing again",
    "critic": "critic",
    "blind": "blind critic",
}


def phase(key: str, games: bool = False) -> str:
    """A phase of the job as people call it: ``evaluate:heldout:sampled`` is ``held-out, sampled``. ``games`` have no
    withheld forms but settings out of distribution."""
    head, _, rest = key.partition(":")
    words = ", ".join(PARTS.get(part, part) for part in rest.split(":") if part)
    if games or head == "cross":
        words = words.replace(PARTS["withheld_forms"], "out of distribution")
    spoken = "the base" if rest == "0" else f"round {rest}"
    return PHASES.get(head) or {
        "evaluate": words,
        "control": f"comparison: {words}",
        "validate": f"validation {words}".strip(),
        "whatif": f"what-if, spoken by {spoken}",
        "blame": f"blame, spoken by {spoken}",
        "worth": f"value of the human: {words}",
        "credit": f"who earned it: {words}",
        "cross": f"cross-play: {words}",
    }.get(head, key)


def name(turn: Turn) -> str:
    return lab.plain(turn.role.capitalize() + (f" {turn.seat}" if turn.seat else ""))


def mark(trajectory: Trajectory, index: int) -> str:
    """The rule's mark of one turn, given what it was handed; empty where the rule knows none."""
    value = trajectory.reward.turns.get(index) if trajectory.reward else None
    return "" if value is None else ":green[✓ did its part]" if value > 0.5 else ":red[✗ wrong here]"


def verdict(trajectory: Trajectory) -> None:
    """Right, wrong, lucky or stopped, as a badge with a word and a sign."""
    if trajectory.outcome.stop is not None:
        st.badge(str(trajectory.outcome.stop), icon=":material/block:", color="orange")
    elif trajectory.reward is None:
        st.badge("not judged", color="gray")
    elif not trajectory.right:
        st.badge("wrong", icon=":material/close:", color="red")
    else:
        st.badge("right", icon=":material/check:", color="green")
        if trajectory.reward.lucky:
            st.badge(
                "lucky",
                icon=":material/casino:",
                color="orange",
                help="The right answer by wrong steps. It earns the reward, and the library counts such cases.",
            )


def said(task: Task, text: str, *, raw: bool) -> None:
    if raw:
        st.code(text or "(nothing)", language=None, wrap_lines=True)
    else:
        say(readable(task.source, text), big=True)


def handed(task: Task, turn: Turn, *, raw: bool, key: str, priced: bool = False) -> None:
    """What the turn was asked, and the facts of the call; of a ``priced`` model also what it cost."""
    with st.expander("What it was handed", type="compact", key=key):
        for message in turn.messages:
            if len(turn.messages) > 1:
                st.caption(lab.plain(message.role))
            if raw:
                st.code(message.content, language=None, wrap_lines=True)
            else:
                say(readable(task.source, message.content))
        asked = "" if turn.prompt == "answer" else f" · prompt {turn.prompt}"
        cost = f" · cost {dollars(turn.cost)}" if turn.cost is not None or (priced and turn.origin == "sampled") else ""
        st.caption(
            lab.plain(
                f"{turn.tokens_in} tokens read, {turn.tokens_out} written, {turn.ms:.1f} ms · ended by "
                f"{turn.finish}{asked}{cost} · checkpoint {turn.model[:12] or 'none'} · seed {turn.seed}"
            )
        )


def answer_of(task: Task, trajectory: Trajectory) -> str | None:
    """The answer as a person reads it: of a chat model's reply, what the judge read from it. None: nothing was read."""
    given, reward = trajectory.outcome.answer, trajectory.reward
    if given is None or in_pocket(task, given):
        return None if given is None else readable(task.source, given)
    if reward is None or trajectory.team == "writer":
        return " ".join(given.split())[:200]
    return whole(reward.read)


def whole(read: str | None) -> str | None:
    """A number that was read, without the zero that only says that it may have a fraction: ``776.0`` is ``776``."""
    return read.removesuffix(".0") if read is not None and read.replace("-", "", 1)[:-2].isdecimal() else read


def in_pocket(task: Task, answer: str) -> bool:
    """Whether an answer is the embedded model's, which says nothing but the answer."""
    return task.source == "formulas" and knows(answer)


def verdict_card(task: Task, trajectory: Trajectory, *, raw: bool) -> None:
    """The judge's word, with what it read and why, and where the episode stands in the experiment."""
    given = trajectory.outcome.answer
    chat = given is not None and not in_pocket(task, given)
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            verdict(trajectory)
            if tasks.restricted(task):
                st.badge(
                    "not to be exported",
                    icon=":material/lock:",
                    color="gray",
                    help="The authors of this dataset ask that no question be published: its text stays out of "
                    "exports, bundles and logs, and is sent to no host for fine-tuning.",
                )
        answered = answer_of(task, trajectory) if chat or not raw else given
        truth = task.answer if raw else readable(task.source, task.answer)
        reward, path = trajectory.reward, trajectory.path
        why = trajectory.outcome.why or (reward.why if reward else "") or "not judged"
        judged = reward is not None or not chat
        said = [("read as" if chat else "answered", answered or "nothing")] if judged else []
        say_pairs((*said, ("right is", truth or "")))
        if chat:
            if judged:
                say(why, quiet=True)
                st.caption(how_judged(task))
            if any(turn.origin == "sampled" for turn in trajectory.turns):  # not of imported ones
                st.caption(took(trajectory))
        with st.expander("The seed path" if chat else "Why, and the seed path", type="compact",
                         key=f"why_{trajectory.id[:12]}"):
            if not chat:
                say(why, quiet=True)
            facts = {
                "round": path.round,
                "phase": path.phase,
                "try": path.attempt + 1,
                "seed": path.seed,
                "team": trajectory.team,
                "task": path.task,
                "id": trajectory.id,
            }
            if path.branch:
                facts |= {"branch": path.branch, "draw": path.draw}
            st.code("\n".join(f"{k:6} {v}" for k, v in facts.items()), language=None, wrap_lines=True)
            st.caption("Every call's randomness follows from this path: the episode can be played again to the letter.")


def new_instruction(trajectory: Trajectory) -> None:
    """What came of a writer's calls."""
    with st.container(border=True, gap="xsmall"):
        st.subheader("The new instruction", anchor=False)
        if trajectory.outcome.answer is None:
            verdict(trajectory)
            say(trajectory.outcome.why or "There is none.", quiet=True)
        else:
            say(trajectory.outcome.answer)


def took(trajectory: Trajectory) -> str:
    """What the episode's own calls took: ``3 calls, 1,402 tokens, $0.0041, 2.1 s``."""
    own = [turn for turn in trajectory.turns if turn.origin == "sampled"]
    costs = [turn.cost for turn in own]
    cost = "" if None in costs else f", {dollars(sum(c for c in costs if c is not None))}".replace("$", "\\$")
    tokens, seconds = sum(t.tokens_in + t.tokens_out for t in own), sum(t.ms for t in own) / 1000
    return f"{many(len(own), 'call')}, {tokens:,} tokens{cost}, {seconds:.1f} s of waiting for replies"


def how_judged(task: Task) -> str:
    """How an answer of this task is compared: ``a number, right within 5 % of the truth``."""
    kind = lab.plain(task.kind.replace("_", " "))
    tolerance = task.data.get("tolerance")
    if tolerance is None:
        return f"Compared as: {kind}."
    return f"Compared as: {kind}, " + (f"right within {100 * tolerance:g} % of the truth." if tolerance else "exactly.")


def rewrite(task: Task, failed: Trajectory, repair: Repair, *, raw: bool, text: str | None = None) -> None:
    """The failed turn against its rewrite, word by word. ``text`` shows a person's edit in place of the critic's."""
    assert repair.turn is not None
    before, after = failed.turns[repair.turn].text, repair.rephrased if text is None else text
    if raw:
        diff(before, after)
    else:
        diff(readable(task.source, before), readable(task.source, after))
    if repair.leak and text is None:
        st.badge(
            "possible leak",
            icon=":material/visibility:",
            color="orange",
            help="The rewrite bears traces of the critique or of the right answer: it is not learned from by itself.",
        )
        say("; ".join(repair.leak), quiet=True)


def steps_of_rewrite(task: Task, failed: Trajectory, repair: Repair, *, raw: bool) -> None:
    """How the rewrite came about: said on advice, then rephrased so that no trace of the advice is left."""
    assert repair.turn is not None
    rows = (
        ("As it stood", failed.turns[repair.turn].text),
        ("Rewritten on the critic's advice", repair.raw),
        ("Rephrased, as it was played", repair.rephrased),
    )
    for label, text in rows:
        st.caption(label)
        said(task, text, raw=raw)


def critique(task: Task, repair: Repair, *, raw: bool, key: str = "") -> None:
    """The critic in plain words; its own words beneath. Of a chat model's critique: the advice, then the whole."""
    seen = "It saw the right answer." if repair.critic == "gold" else "It did not see the right answer."
    told = plain_critique(repair)
    if raw:
        st.code(repair.critique or "(no critique)", language=None, wrap_lines=True)
        st.caption(seen)
    elif told != repair.critique:
        say(told, big=True)
        say(f"In its own words: “{repair.critique}”. {seen}", quiet=True)
    elif repair.turn is None or repair.feedback.strip() in ("", repair.critique.strip()):
        say(repair.critique)
        st.caption(seen)
    else:
        say(f"It blames the {repair.role}: {repair.feedback}", big=True)
        with st.expander(f"The whole critique. {seen}", type="compact", key=f"critique_{key or repair.id}"):
            say(repair.critique)


def downstream(task: Task, failed: Trajectory, again: Trajectory, turn: int, *, raw: bool) -> None:
    """Every later turn, before and after; a turn that was given back unchanged says so."""
    pairs = list(zip_longest(failed.turns[turn + 1 :], again.turns[turn + 1 :]))
    for i, (old, new) in enumerate(pairs, turn + 1):
        shown = old or new
        assert shown is not None
        st.markdown(f"**{name(shown)}**")
        left, right = (column.container(gap="xsmall") for column in st.columns(2))
        with left:
            st.markdown(f":small[before {mark(failed, i) if old else ''}]")
            said(task, old.text if old else "(never spoken: the episode had ended)", raw=raw)
        with right:
            same = new is not None and new.origin == "given"
            st.markdown(f":small[after {mark(again, i) if new else ''}{' · given back, unchanged' if same else ''}]")
            said(task, new.text if new else "(not spoken)", raw=raw)
    if not pairs:
        st.caption("The rewritten turn is the last one: nothing follows it.")


def outcome_change(task: Task, failed: Trajectory, again: Trajectory) -> None:
    """From this answer to that one."""
    with st.container(horizontal=True, vertical_alignment="center"):
        for i, trajectory in enumerate((failed, again)):
            if i:
                st.markdown(":material/arrow_forward:", width="content")
            verdict(trajectory)
            st.text(answer_of(task, trajectory) or "no answer")


def then_and_now(task: Task, then: Trajectory, now: Trajectory, *, raw: bool) -> None:
    """Two episodes on one problem, turn by turn: what went and what came."""
    for i, (old, new) in enumerate(zip_longest(then.turns, now.turns)):
        shown = new or old
        assert shown is not None
        texts = [turn.text if turn else "" for turn in (old, new)]
        before, after = texts if raw else (readable(task.source, text) for text in texts)
        st.markdown(f":small[**{name(shown)}** {mark(now, i) if new else ''}]")
        diff(before, after, big=False)


def rounds_strip(rows: Sequence[Row], open_id: str) -> None:
    """The same problem in other rounds, as links: wrong in round 0, right in round 4."""
    for row in rows:
        word = "right" if row.right else "stopped" if row.stop else "wrong"
        sign = {"right": ":green[✓]", "wrong": ":red[✗]", "stopped": ":orange[⊘]"}[word]
        if row.id == open_id:
            st.markdown(f"{sign} **round {row.round}: {word}**", width="content")
        else:
            lab.link(lab.EXPLORE, f"{sign} round {row.round}: {word}", traj=row.id)
