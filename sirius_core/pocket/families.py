"""The compositional grammar of the word problems: families x frames x nouns x question forms.

A frame tells the situation with three places (``{x}``, ``{y}``, ``{z}``) and a noun; a form is the question. In most
families every form asks for the same thing, so that the family alone decides the formula. In the families marked
`form_decides` the same frame with another question needs another formula: there the question has to be read.

Form texts are unique across families (asserted below), so that a question form that is withheld from fine-tuning in
one family cannot come back through another.
"""

from __future__ import annotations

from dataclasses import dataclass

FORMULAS = ("x * y", "x / y", "x * y + z", "z - x * y", "x + y", "x - y")
"""Every formula of the embedded language. The last two are never right; who has not understood a problem uses them."""

UNITS = ("m", "m/s", "m/s2", "N", "J", "W", "Ns", "N/m", "ohm")
"""Every unit that an answer can have."""


@dataclass(frozen=True)
class Family:
    """One kind of problem.

    forms maps each question to (formula, unit); `wrong` lists what can be mistaken for it, every entry computable for
    the numbers of this family; `layout` says how numbers are drawn: 'product' (x, y), 'quotient' (x a multiple of y),
    'sum' (x, y and a small z) or 'rest' (x, y and z above x * y).
    """

    name: str
    layout: str
    frames: tuple[str, ...]
    nouns: tuple[str, ...]
    forms: dict[str, tuple[str, str]]

    @property
    def form_decides(self) -> bool:
        return len(set(self.forms.values())) > 1

    @property
    def formulas(self) -> tuple[str, ...]:
        """Every formula, right or wrong, that can be executed on this family's numbers, in the order of FORMULAS."""
        extra = {"sum": ("x * y + z",), "rest": ("x * y + z", "z - x * y")}.get(self.layout, ("x - y",))
        return tuple(f for f in FORMULAS if f in ("x * y", "x / y", "x + y", *extra))


def _one(formula: str, unit: str, *forms: str) -> dict[str, tuple[str, str]]:
    return {form: (formula, unit) for form in forms}


_LIST = (
    Family(
        "travel",
        "product",
        (
            "{n} moves {x} m/s for {y} s .",
            "in {y} s {n} keeps {x} m/s .",
            "{n} : {x} m/s , {y} s .",
            "for {y} s {n} runs at {x} m/s .",
        ),
        ("train", "bike", "hare"),
        _one(
            "x * y",
            "m",
            "how far ?",
            "find the distance .",
            "which way is covered ?",
            "how many m are made ?",
            "what length is it ?",
            "say where it stops .",
        ),
    ),
    Family(
        "pace",
        "quotient",
        (
            "{n} covers {x} m in {y} s .",
            "in {y} s {n} makes {x} m .",
            "{n} : {x} m , {y} s .",
            "{x} m take {n} {y} s .",
        ),
        ("train", "boat", "runner"),
        _one(
            "x / y",
            "m/s",
            "how fast ?",
            "find the speed .",
            "which pace is it ?",
            "how many m each s ?",
            "what does it do in a s ?",
            "say how quick it is .",
        ),
    ),
    Family(
        "push",
        "product",
        (
            "{n} of {y} kg gains {x} m/s2 .",
            "{x} m/s2 on {n} of {y} kg .",
            "{n} : {y} kg , {x} m/s2 .",
            "with {x} m/s2 {n} speeds up , {y} kg .",
        ),
        ("cart", "sled", "bike"),
        _one(
            "x * y",
            "N",
            "which force ?",
            "find the push .",
            "what does it need ?",
            "how hard is it driven ?",
            "how many N are there ?",
            "say how heavy the pull is .",
        ),
    ),
    Family(
        "drive",
        "quotient",
        (
            "{x} N act on {n} of {y} kg .",
            "{n} of {y} kg feels {x} N .",
            "{n} : {x} N , {y} kg .",
            "for {y} kg {n} gets {x} N .",
        ),
        ("cart", "boat", "rocket"),
        _one(
            "x / y",
            "m/s2",
            "which gain ?",
            "find the change .",
            "how quickly does it start ?",
            "what follows ?",
            "how much faster each s ?",
            "say how it speeds up .",
        ),
    ),
    Family(
        "power",
        "quotient",
        (
            "{n} spends {x} J in {y} s .",
            "in {y} s {n} gives {x} J .",
            "{n} : {x} J , {y} s .",
            "{x} J last {n} {y} s .",
        ),
        ("motor", "lamp", "pump"),
        _one(
            "x / y",
            "W",
            "which power ?",
            "find the rate .",
            "what does it use ?",
            "how strong is it ?",
            "how many J each s ?",
            "say what it draws .",
        ),
    ),
    Family(
        "ahead",
        "sum",
        (
            "{n} starts {z} m ahead , {x} m/s for {y} s .",
            "after {z} m {n} keeps {x} m/s for {y} s .",
            "{n} : at {z} m , then {y} s at {x} m/s .",
            "in {y} s from {z} m on {n} runs {x} m/s .",
        ),
        ("hare", "runner", "truck"),
        _one(
            "x * y + z",
            "m",
            "where is it ?",
            "find the place .",
            "which mark is reached ?",
            "how far in all ?",
            "what is the last m ?",
            "say where it ends .",
        ),
    ),
    Family(
        "boost",
        "sum",
        (
            "{n} at {z} m/s gains {x} m/s2 for {y} s .",
            "for {y} s {x} m/s2 , {n} from {z} m/s on .",
            "{n} : {z} m/s , then {x} m/s2 , {y} s .",
            "with {x} m/s2 {n} starts at {z} m/s , {y} s .",
        ),
        ("rocket", "truck", "sled"),
        _one(
            "x * y + z",
            "m/s",
            "how fast at the end ?",
            "find the last speed .",
            "what does the dial show ?",
            "which top ?",
            "how quick is it then ?",
            "say what speed it has .",
        ),
    ),
    Family(
        "brake",
        "rest",
        (
            "{n} has {z} Ns , {x} N slow it for {y} s .",
            "for {y} s {x} N act against {z} Ns of {n} .",
            "{n} : {z} Ns , brake {x} N , {y} s .",
            "with {x} N {n} of {z} Ns slows {y} s .",
        ),
        ("cart", "truck", "train"),
        _one(
            "z - x * y",
            "Ns",
            "what is left ?",
            "find the rest .",
            "which momentum stays ?",
            "how much is kept ?",
            "what does it still have ?",
            "say how much remains .",
        ),
    ),
    Family(
        "spring",
        "quotient",
        (
            "{x} N pull {n} over {y} m .",
            "over {y} m {n} holds {x} N .",
            "{n} : {x} N , {y} m .",
            "by {y} m {n} gives under {x} N .",
        ),
        ("coil", "rope", "bow"),
        _one(
            "x * y",
            "J",
            "how much work ?",
            "find the energy .",
            "say what it costs .",
        )
        | _one(
            "x / y",
            "N/m",
            "how stiff ?",
            "which N for each m ?",
            "find how hard it is .",
        ),
    ),
    Family(
        "circuit",
        "quotient",
        (
            "{n} takes {y} A at {x} V .",
            "at {x} V {n} lets {y} A pass .",
            "{n} : {x} V , {y} A .",
            "with {y} A {n} drops {x} V .",
        ),
        ("lamp", "coil", "motor"),
        _one(
            "x * y",
            "W",
            "how bright ?",
            "find the watts .",
            "what goes through each s ?",
        )
        | _one(
            "x / y",
            "ohm",
            "find the ohms .",
            "how much does it resist ?",
            "what holds it back ?",
        ),
    ),
    Family(
        "road",
        "rest",
        (
            "of {z} m {n} goes {x} m/s for {y} s .",
            "in {y} s at {x} m/s {n} is on {z} m .",
            "{n} : road {z} m , {y} s at {x} m/s .",
            "{n} with {x} m/s for {y} s , {z} m long .",
        ),
        ("bike", "runner", "boat"),
        _one(
            "x * y",
            "m",
            "how much is done ?",
            "what lies behind ?",
            "find the way made .",
        )
        | _one(
            "z - x * y",
            "m",
            "how much is to go ?",
            "what lies before it ?",
            "which way is left ?",
        ),
    ),
    Family(
        "thrust",
        "sum",
        (
            "{n} has {z} Ns and gets {x} N for {y} s .",
            "for {y} s {x} N help {n} of {z} Ns .",
            "{n} : {z} Ns , thrust {x} N , {y} s .",
            "with {x} N in {y} s {n} of {z} Ns .",
        ),
        ("rocket", "sled", "pump"),
        _one(
            "x * y",
            "Ns",
            "how much is new ?",
            "find what comes in .",
            "what does it get ?",
        )
        | _one(
            "x * y + z",
            "Ns",
            "how much is it now ?",
            "what is the sum ?",
            "say what it has then .",
        ),
    ),
)

FAMILIES: dict[str, Family] = {family.name: family for family in _LIST}

_FORMS = [form for family in _LIST for form in family.forms]
assert len(set(_FORMS)) == len(_FORMS), "two families share a question form"


def words() -> tuple[str, ...]:
    """Every word of the problems' wordings and units, sorted."""
    texts = [text for family in _LIST for text in (*family.frames, *family.nouns, *family.forms)]
    places = {"{n}", "{x}", "{y}", "{z}"}
    return tuple(sorted({word for text in texts for word in text.split()} - places | set(UNITS)))
