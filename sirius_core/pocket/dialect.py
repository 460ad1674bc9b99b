"""How the roles are spoken to in the embedded language: prompts, hints, verdicts. All text is words between single
spaces.

A revision's reply starts with ADVISED; `@rephrase` removes it, so that a repaired turn bears no trace of the hint.
"""

from __future__ import annotations

ADVISED = "as advised ,"

PROMPTS = {
    "analyst": "@analyst {question} =>",
    "analyst/revise": "@analyst {question} @fb {hint} =>",
    "calculator": "@calculator {expression} =>",
    "calculator/revise": "@calculator {expression} @fb {hint} =>",
    "summarizer": "@summarizer {question} | {steps} =>",
    "summarizer/revise": "@summarizer {question} | {steps} @fb {hint} =>",
    "critic": "@critic {numbers} | {plan} | {result} | {answer} | gold {gold} =>",
    "rephrase": "@rephrase {text} =>",
    "solo": "@solo {question} =>",
    "solo/revise": "@solo {question} @fb {hint} =>",
    "solo/gold": "@solo {question} @fb gold {gold} =>",
    "solo/debate": "@solo {question} @fb solo {own} | {others} =>",
    "actor": "@actor {question} =>",
    "actor/again": "@actor {question} | {response} =>",
    "actor/revise": "@actor {question} | {response} @fb {hint} =>",
    "judge": "@judge {question} | {response} =>",
    "tutor": "@tutor {question} | {response} =>",
    "seller": "@seller cost {own} | aim {aim} | {said} | left {left} =>",
    "buyer": "@buyer worth {own} | aim {aim} | {said} | left {left} =>",
    "proposer": "@proposer pot {own} | aim {aim} | {said} | left {left} =>",
    "responder": "@responder pot {own} | aim {aim} | {said} | left {left} =>",
    "red": "@red stock {own} | aim {aim} | {said} | left {left} =>",
    "blue": "@blue stock {own} | aim {aim} | {said} | left {left} =>",
}
"""Templates by role. `solo` answers ``plan | steps | answer`` in one go; `solo/gold` is STaR's rationalisation;
`solo/debate` answers again, shown what it said itself and what others said: as `public` writes it, joined by `` ; ``.
`actor` answers as `solo` does; it, `judge` and `tutor` are shown an answer as `public` writes it. The judge's reply is
a working of its own and a verdict, ``plan | steps | answer | N 3 1 5 true`` or ``... | false multiply then add``; the
tutor's is a hint. What players of the games see and say: `haggling`.
"""

FORMULA_HINTS = {
    "x * y": "multiply",
    "x / y": "divide",
    "x * y + z": "multiply then add",
    "z - x * y": "multiply then subtract",
}
"""Right formula to the hint that the critic gives an analyst who chose another."""

DIGITS_HINT = "check digits"
COPY_HINT = "copy the result"
FINE = "fine"
TRUE, FALSE = "true", "false"


def public(formula: str, answer: str) -> str:
    """What others see of a solo reply: ``x * y = 1 7 6 4 N``; without a readable plan ``= 1 7 6 4 N``, else ``=``."""
    return f"{formula} = {answer}".strip()


def verdict(role: str, hint: str) -> str:
    """What the critic says: ``analyst : multiply then add``."""
    return f"{role} : {hint}"


def read_verdict(text: str) -> tuple[str, str] | None:
    """(role, hint) of a critic's reply; None for ``fine`` and for anything that blames nobody in a readable way."""
    role, colon, hint = text.partition(" : ")
    if not colon or role not in ("analyst", "calculator", "summarizer"):
        return None
    if role == "analyst":
        return (role, hint) if hint in FORMULA_HINTS.values() else None
    if role == "calculator":
        return (role, hint) if hint == DIGITS_HINT else None
    unit = hint.split()[1:] if hint.startswith("unit ") else []
    return (role, hint) if hint == COPY_HINT or len(unit) == 1 else None


def opinion(text: str) -> bool | None:
    """Whether a judge holds an answer to be right; None for a reply without its own working, or without a verdict."""
    parts = text.split(" | ")
    said = [word for word in parts[-1].split() if word in (TRUE, FALSE)]
    if len(parts) != 4 or len(said) != 1 or parts[-1].endswith(FALSE) or (said == [TRUE]) != parts[-1].endswith(TRUE):
        return None
    return said == [TRUE]


MAX_NEW = {"analyst": 24, "calculator": 72, "summarizer": 16, "critic": 12, "rephrase": 104, "solo": 104} | {
    "actor": 104, "judge": 112, "tutor": 12}
MAX_NEW |= dict.fromkeys(("seller", "buyer", "proposer", "responder", "red", "blue"), 28)
"""The longest reply of each role in tokens, stop token included, with some room above what the book writes."""
