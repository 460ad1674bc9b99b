"""Texts of a bundle: escaped, cut where they are endless, compared word by word; numbers with what belongs to them."""

from __future__ import annotations

import difflib
import html
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MOST = 4_000  # characters of one text
COMPARED = 1_500  # words of a text up to which a diff is made
# control characters, which HTML forbids, and those that turn the direction of what follows
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")


def text(value: object) -> str:
    """Any text as HTML that is text and nothing else."""
    return html.escape(_UNSEEN.sub("\ufffd", str(value)), quote=True)


def said(value: str) -> str:
    """What a model or a person said, in a box; of an endless text its beginning."""
    rest = len(value) - MOST
    more = f'<span class="soft"> … {rest:,} characters more</span>' if rest > 0 else ""
    return f'<div class="said">{text(value[:MOST]) or "(nothing)"}{more}</div>'


def diff(before: str, after: str) -> str:
    """A word diff: what went is struck through, what came is underlined."""
    old, new = (re.findall(r"\s+|[^\s:;,.?]+|.", value[:MOST], re.DOTALL) for value in (before, after))
    if max(len(old), len(new)) > 2 * COMPARED:
        return said(after)
    parts: list[str] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, come = text("".join(old[a:b])), text("".join(new[c:d]))
        parts.append(come if kind == "equal" else
                     (f"<del>{gone}</del>" if gone.strip() else "") + (f"<ins>{come}</ins>" if come.strip() else come))
    cut = max(len(before), len(after)) > MOST
    return f'<div class="said">{"".join(parts)}{" …" if cut else ""}</div>'


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table that scrolls by itself where it is wider than the page."""
    head = "".join(f"<th>{text(name)}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(f'<td>{text(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def share(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def measured(record: Mapping[str, Any]) -> str:
    """``83 % (64 to 93 %; 20 of 24)``"""
    return (f"{share(record['accuracy'])} ({100 * record['low']:.0f} to {share(record['high'])}; "
            f"{record['correct']:,} of {record['n']:,})")


def p_value(p: float | None) -> str:
    return "" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def public(value: Any) -> Any:
    """A setting as it may be shown to anybody: of a path its last part, of an address no name and password."""
    if not isinstance(value, str):
        return value
    value = re.sub(r"://[^/@\s]*@", "://", value)
    return re.sub(r"(?<![\w:/.])(?:~|[A-Za-z]:)?[/\\][^\s,=]+",
                  lambda found: os.path.basename(found.group().replace("\\", "/").rstrip("/")) or "/", value)
