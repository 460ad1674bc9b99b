"""The embedded model's words: single digits, signs, tags, units, the words of the problems. Spaces separate words."""

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

WORDS: tuple[str, ...] = (
    STOP_WORD,
    *"0123456789",
    *_SIGNS,
    *_TAGS,
    *_TALK.split(),
    *(w for w in families.words() if w not in {*_SIGNS, *_TALK.split()}),
)
"""A word's place in this tuple is its token."""

STOP = 0
"""The token that ends a reply."""

_TOKENS = {word: token for token, word in enumerate(WORDS)}
assert len(_TOKENS) == len(WORDS), "a word stands twice in the vocabulary"


def digest() -> str:
    """Hash of the words in order: a checkpoint fits only the vocabulary that it was trained on."""
    return hashlib.sha256("\n".join(WORDS).encode()).hexdigest()


def encode(text: str) -> tuple[int, ...]:
    """Tokens of a text. UnreadableText names the words that the model does not know, and the nearest known ones."""
    words = text.split()
    try:
        return tuple([_TOKENS[word] for word in words])
    except KeyError:
        unknown = list(dict.fromkeys(word for word in words if word not in _TOKENS))
        raise UnreadableText(unknown, [_nearest(word) for word in unknown]) from None


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


def _nearest(word: str) -> str | None:
    close = difflib.get_close_matches(word.lower(), WORDS[1:], n=1, cutoff=0.5)
    return close[0] if close else None
