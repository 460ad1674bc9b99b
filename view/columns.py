"""How numbers of a table are written; what they are stands in the frame that the table is drawn from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .numbers import p_short, share

if TYPE_CHECKING:
    from pandas import DataFrame
    from pandas.io.formats.style import Styler

NOTHING = "–"  # what is not there, such as a change before the first round


def written(
    frame: DataFrame, *, shares: Iterable[str] = (), p_values: Iterable[str] = (), counts: Iterable[str] = (),
    points: Iterable[str] = (),
) -> Styler:
    """The frame with its shares as ``97.2 %``, its p-values as ``< 0.001``, its counts as ``1,184`` and differences of
    shares in points, ``+4.2``.

    The values stay numbers: a column sorts by them, and they are what is copied.
    """
    forms = {**dict.fromkeys(shares, share), **dict.fromkeys(p_values, p_short), **dict.fromkeys(counts, "{:,.0f}"),
             **dict.fromkeys(points, lambda difference: f"{100 * difference:+.1f}")}
    return frame.style.format({n: form for n, form in forms.items() if n in frame}, na_rep=NOTHING)
