"""The embedded model's words: single digits, signs, tags, units, the words of the problems. Spaces separate words.

Words are only ever added at the end: a base knows the first ones, as many as its manifest's shape says.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable

from sirius_core.errors import UnreadableText
from sirius_core.pocket import families

STOP_WORD = "<stop>"
_SIGNS = ("=>", "|", ",", ";", ":", "=", "*", "/", "+", "-", ".", "?")
_TAGS = ("@analyst", "@calculator", "@summarizer", "@critic", "@rephrase", "@solo", "@fb")
_TALK = (
    "analyst calculator summarizer solo gold fine as advised multiply divide then add subtract "
    "check digits unit copy the result x y z"
)

_FORMULAS: tuple[str, ...] = (
    STOP_WORD,
    *"0123456789",
    *_SIGNS,
    *_TAGS,
    *_TALK.split(),
    *(w for w in families.words() if w not in {*_SIGNS, *_TALK.split()}),
)
_ACTOR_CRITIC = ("@actor", "@judge", "@tutor", "true", "false")
_GAMES = (
    *("@seller", "@buyer", "@proposer", "@responder", "@red", "@blue"),
    *("offer", "accept", "reject", "wait", "aim", "you", "they", "left", "worth", "cost", "pot", "stock", "give"),
    *("gives", "get", "for", "X", "Y", "ZUP", "none", "deal", "fair", "final", "best", "more", "less", "too", "high"),
    *("low", "no", "yes", "please", "last", "limit", "keep", "want"),
)

FORMULAS = len(_FORMULAS)
"""How many words the bases of the word problems know."""
WORDS: tuple[str, ...] = tuple(dict.fromkeys((*_FORMULAS, *_ACTOR_CRITIC, *_GAMES)))
"""A word's place in this tuple is its token."""

STOP = 0
"""The token that ends a reply."""

_TOKENS = {word: token for token, word in enumerate(WORDS)}
assert len(set(_FORMULAS)) == FORMULAS, "a word stands twice in the vocabulary"


def digest(size: int = FORMULAS) -> str:
    """Hash of the first ``size`` words in order: a checkpoint fits only the vocabulary that it was trained on."""
    return hashlib.sha256("\n".join(WORDS[:size]).encode()).hexdigest()


def encode(text: str, size: int | None = None) -> tuple[int, ...]:
    """Tokens of a text, for a model that knows the first ``size`` words (None: all). UnreadableText names the words
    that it does not know, and the nearest known ones."""
    words, most = text.split(), len(WORDS) if size is None else size
    try:
        tokens = tuple([_TOKENS[word] for word in words])
    except KeyError:
        tokens = (most,)
    if tokens and max(tokens) >= most:
        unknown = list(dict.fromkeys(word for word in words if _TOKENS.get(word, most) >= most))
        raise UnreadableText(unknown, [_nearest(word, most) for word in unknown])
    return tokens


def knows(text: str) -> bool:
    """Whether every word of a text has a token."""
    return all(word in _TOKENS for word in text.split())


def decode(tokens: Iterable[int]) -> str:
    """The text of tokens; ends before the first stop token."""
    words = []
    for token in tokens:
        if token == STOP:
            break
        words.append(WORDS[token])
    return " ".join(words)


def _nearest(word: str, size: int) -> str | None:
    close = difflib.get_close_matches(word.lower(), WORDS[1:size], n=1, cutoff=0.5)
    return close[0] if close else None
