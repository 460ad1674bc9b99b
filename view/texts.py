"""A model's text on the page: escaped, with its line breaks, long ones folded; word diffs of short and of long texts.

Everything that a model said goes to the page as escaped text: a reply is data, never markup.
"""

from __future__ import annotations

import difflib
import html
import re
from collections.abc import Iterable, Sequence
from itertools import groupby

import streamlit as st

# One static style: colours with alpha sit on a light and on a dark page alike; the words carry a line or a bar, too.
# The heading of a card stands as near to its border as the rest; the row over the cards is as high before its button
# has come; on a phone a card of a number wraps and has no line.
STYLE = """<style>
.said {overflow-wrap: anywhere; line-height: 1.75; margin: 0; white-space: pre-wrap;}
.said.big {font-size: 1.08em;}
.said.task {font-size: 1.3em; line-height: 1.5;}
.said.long {font-size: 1em; line-height: 1.6;}
.said ins {background: rgba(22, 163, 106, .20); text-decoration: none; border-bottom: 2px solid rgb(22, 163, 106);
           border-radius: 3px; padding: 0 .18em;}
.said del {background: rgba(220, 60, 70, .17); text-decoration: line-through; border-radius: 3px; padding: 0 .18em;}
.said .new {border-left: 3px solid rgb(22, 163, 106); padding-left: .7em;}
.said .old {border-left: 3px solid rgba(220, 60, 70, .8); padding-left: .7em;}
.said .quiet, .said.quiet {opacity: .68;}
.said .pair {margin-right: 1.1em;}
.said :is(b, ins, del, span) {unicode-bidi: isolate;}
.said .mono {font-family: "Source Code Pro", ui-monospace, monospace; font-size: .86em;}
.said summary {cursor: pointer; opacity: .68; white-space: normal;}
button[data-variant][data-selected=true] p {
    color: light-dark(rgb(67, 56, 202), rgb(165, 180, 252));}
[data-testid=stVerticalBlock] > [data-testid=stElementContainer] h3 {padding: 0 0 .5rem;}
[data-testid=stVerticalBlock] > [data-testid=stElementContainer]:not(:first-child) h3 {padding-top: .6rem;}
.st-key-round_row {min-height: 2.5rem;}
@media (max-width: 640px) {
  [data-testid=stMetric] :is(div, p) {white-space: normal !important;}
  [data-testid=stMetric] div:has(> [data-testid=stMetricDelta]) {flex-wrap: wrap; row-gap: .1rem;}
  [data-testid=stMetric] > div:has([data-testid=stMetricChart]) {display: none;}
}
.bars {display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: .15em .8em; align-items: baseline;
       line-height: 1.5; overflow-wrap: anywhere;}
.bars .num {text-align: right; font-variant-numeric: tabular-nums;}
.bars .track {grid-column: 1 / -1; position: relative; height: 7px; border-radius: 4px; margin-bottom: .55em;
              background: rgba(125, 130, 160, .20);}
.bars .part {height: 100%; border-radius: 4px; background: rgba(125, 130, 160, .75);}
.bars .part.strong {background: rgb(22, 163, 106);}
.bars .part.blamed {background: rgb(214, 69, 80);}
.bars i {position: absolute; top: -3px; height: 13px; border: solid currentColor; border-width: 0 1.5px; opacity: .7;}
.bars i::after {content: ""; position: absolute; left: 0; right: 0; top: 6px; border-top: 1.5px solid currentColor;}
.algo {font-family: "Source Code Pro", ui-monospace, monospace; font-size: .8em; line-height: 1.45;}
.algo > div {position: relative; padding: .12em .5em .12em 1.7em; border-left: 4px solid transparent;}
.algo > .lit {border-color: rgb(99, 102, 241); background: rgba(99, 102, 241, .15); font-weight: 700;}
.algo > .lit::before {content: "▶"; position: absolute; left: .45em;}
</style>"""
PRESENTING = "<style>:root {font-size: 21px !important;}</style>"  # every size of a page follows the root's

WIDE = 90  # characters of a line on the page, about
LONG, SHOWN = 40, 28  # lines from which on a text is folded, and how many of them stay in view
SAME = 7  # unchanged lines in a row from which on they are folded in a diff
PARAGRAPH = 300  # characters of a line that does not stay in view beside a change
FEW = 60  # words up to which a diff goes word by word, however little is left of the old text
KEPT = 0.3  # share of the words that must be left, else old and new stand one after the other
MOST = 1_500  # words of a changed passage up to which every pair of words is compared
TOO_MANY = 4_000  # lines, or words of a changed passage, from which on they are not compared: it would take seconds


def say(text: str, *, big: bool = False, quiet: bool = False) -> None:
    """A model's text, drawn as text; a long one shows its beginning, and the rest on a click."""
    kind = "said long" if "\n" in text or len(text) > LONG * WIDE else "said big" if big else "said"
    st.html(f'<div class="{kind}{" quiet" if quiet else ""}">{body(text)}</div>')


def body(text: str) -> str:
    """A text as HTML without markup of its own, folded where it is long."""
    lines = text.split("\n")
    return _folded(lines) if _height(lines) > LONG else _typeset(lines) or '<span class="quiet">(nothing)</span>'


def learned(silent: str, carried: str) -> None:
    """A sequence as a model is trained on it: what is only read; underlined, what carries loss. Long ones fold."""
    st.html(f'<div class="said long"><span class="quiet">{body(silent) if silent else ""}</span> '
            f"<ins>{body(carried)}</ins></div>")


def problem(text: str) -> None:
    """The problem that an episode is about, on top of everything; a long one in smaller letters."""
    if _height(text.split("\n")) > 5:
        say(text)
    else:
        st.html(f'<div class="said task">{html.escape(text)}</div>')


def say_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    """Small quiet labels, each with a model's text: ``answered 1431 Ns   right is 1364 Ns``."""
    form = '<span class="pair"><span class="quiet">{}</span> <b>{}</b></span>'
    st.html(f'<div class="said">{" ".join(form.format(html.escape(k), html.escape(v)) for k, v in pairs)}</div>')


def diff(before: str, after: str, *, big: bool = True) -> None:
    """A word diff: what went is struck through, what came is underlined; what stayed is folded where it is long."""
    kind = "said long" if "\n" in before + after else "said big" if big else "said"
    st.html(f'<div class="{kind}">{diff_html(before, after)}</div>')


def diff_html(before: str, after: str) -> str:
    """Line by line first, so that the work grows with what changed and not with what was said."""
    old, new = before.split("\n"), after.split("\n")
    if len(old) == len(new) == 1:
        return _words(before, after) or "<span class=quiet>(nothing)</span>"
    parts: list[str] = []
    for kind, a, b, c, d in _changes(old, new):
        if kind == "equal":
            parts.append(_unchanged(old[a:b], first=a == 0, last=b == len(old)))
        else:
            parts.append(_words("\n".join(old[a:b]), "\n".join(new[c:d])))
    return _joined(parts)


def _changes(old: Sequence[str], new: Sequence[str]) -> list[tuple[str, int, int, int, int]]:
    """What became of these lines, as difflib says it; of very many only what they begin and end with is compared."""
    if max(len(old), len(new)) < TOO_MANY:
        return difflib.SequenceMatcher(None, old, new, autojunk=len(old) * len(new) > 1_000_000).get_opcodes()
    if old == new:
        return [("equal", 0, len(old), 0, len(new))]
    head = next((i for i, (x, y) in enumerate(zip(old, new)) if x != y), min(len(old), len(new)))
    rest = min(len(old), len(new)) - head
    tail = next((i for i in range(rest) if old[-1 - i] != new[-1 - i]), rest)
    parts = [("equal", 0, head, 0, head), ("replace", head, len(old) - tail, head, len(new) - tail),
             ("equal", len(old) - tail, len(old), len(new) - tail, len(new))]
    return [part for part in parts if part[2] > part[1] or part[4] > part[3]]


def _words(before: str, after: str) -> str:
    if max(len(before), len(after)) > 20 * TOO_MANY:
        return _one_by_one(before, after)
    old, new = (re.findall(r"\s*(?:[^\s:;,.?]+|\S)", text) for text in (before, after))  # words with the space before
    if max(len(old), len(new)) > TOO_MANY:
        return _one_by_one(before, after)
    one, two = [w.strip() for w in old], [w.strip() for w in new]
    same = difflib.SequenceMatcher(None, one, two, autojunk=max(len(old), len(new)) > MOST)
    if max(len(old), len(new)) > FEW and same.ratio() < KEPT:
        return _one_by_one(before, after)
    parts: list[str] = []
    for kind, a, b, c, d in same.get_opcodes():
        gone, come = "".join(old[a:b]), "".join(new[c:d])
        if kind == "equal":
            parts.append(html.escape(come))
        else:
            parts += [_marked("del", gone, _space(gone)), _marked("ins", come, " " if gone.strip() else _space(come))]
    return "".join(parts)


def _one_by_one(before: str, after: str) -> str:
    """Old and new as two passages: hardly a word is left."""
    gone = f'<div class="old">{html.escape(before.strip()) if after.strip() else _shown(before.strip())}</div>'
    if after.strip():
        gone = f"<details><summary>what stood here before ({len(before.split()):,} words)</summary>{gone}</details>"
    gone = gone if before.strip() else ""
    return gone + (f'<div class="new">{_shown(after.strip())}</div>' if after.strip() else "")


def _shown(text: str) -> str:
    return body(text) if _height(text.split("\n")) > LONG else html.escape(text)


def _marked(tag: str, text: str, lead: str) -> str:
    return f"{lead if lead != ' ' or text[:1].isspace() else ''}<{tag}>{html.escape(text.strip())}</{tag}>" \
        if text.strip() else ""


def _space(text: str) -> str:
    """The white space that a text begins with; more than one blank in a row counts once."""
    lead = text[: len(text) - len(text.lstrip())]
    return lead if "\n" in lead else " " if lead else ""


def _unchanged(lines: Sequence[str], *, first: bool, last: bool) -> str:
    """A run of unchanged lines: beside a change a short one stays in view, what is beyond is folded."""
    if _height(lines) < SAME:
        return html.escape("\n".join(lines))
    head = 0 if first or len(lines[0]) > PARAGRAPH else 1
    tail = 0 if last or len(lines[-1]) > PARAGRAPH else 1
    inner = lines[head : len(lines) - tail]
    if _height(inner) < SAME:
        return html.escape("\n".join(lines))
    fold = f"<details><summary>… unchanged: {_many(inner)}</summary>{html.escape(_text(inner))}</details>"
    ends = [html.escape(line) for line in (*lines[:head], *(lines[-1:] if tail else ()))]
    return _joined([*ends[:head], fold, *ends[head:]])


def _folded(lines: Sequence[str]) -> str:
    shown = SHOWN
    while shown > 1 and _height(lines[:shown]) > SHOWN:
        shown -= 1
    if shown == 1 and len(lines[0]) > SHOWN * WIDE:  # one endless line
        lines = [lines[0][: SHOWN * WIDE], lines[0][SHOWN * WIDE :], *lines[1:]]
    rest, code = lines[shown:], _code(lines)
    return (_typeset(lines[:shown], code[:shown])
            + f"<details><summary>… {_many(rest)} more</summary>{_typeset(rest, code[shown:])}</details>")


def _typeset(lines: Sequence[str], code: Sequence[bool] | None = None) -> str:
    """Lines as HTML; code and tables in letters of one width."""
    parts = []
    for fixed, run in groupby(zip(lines, code or _code(lines), strict=True), key=lambda pair: pair[1]):
        text = html.escape("\n".join(line for line, _ in run))
        parts.append(f'<span class="mono">{text}</span>' if fixed else text)
    return "\n".join(parts)


def _code(lines: Sequence[str]) -> list[bool]:
    """Which lines stand between fences of three backticks (or are one), or in a table of bars."""
    found, inside = [], False
    for line in lines:
        fence, bare = line.lstrip().startswith("```"), line.strip()
        found.append(inside or fence or (len(bare) > 1 and bare[0] == bare[-1] == "|"))
        inside ^= fence
    return found


def _joined(parts: Sequence[str]) -> str:
    """Parts that begin on lines of their own; a block brings its line breaks along."""
    found = ""
    for i, part in enumerate(parts):
        block = part.startswith(("<details", "<div")) or (i > 0 and parts[i - 1].endswith(("</details>", "</div>")))
        found += ("" if i == 0 or block else "\n") + part
    return found


def _text(lines: Sequence[str]) -> str:
    return "\n".join(lines)


def _many(lines: Sequence[str]) -> str:
    n, words = len(lines), sum(len(line.split()) for line in lines)
    return f"{n} {'line' if n == 1 else 'lines'}, {words:,} words"


def _height(lines: Sequence[str]) -> int:
    """How many lines these take on the page, about."""
    return sum(1 + len(line) // WIDE for line in lines)
