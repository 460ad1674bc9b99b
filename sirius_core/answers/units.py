"""Units of measurement as people and models write them, so that they can be compared: never converted.

    >>> same("m/s^2", "metres per second squared"), same("N s", "kg*m/s"), same("km", "m")
    (True, True, False)

What is the same unit by definition is the same (N s and kg m/s); km and m are not, for then the number before them
should have been another.
"""

from __future__ import annotations

import re
from collections import Counter

Unit = tuple[tuple[str, int], ...]  # (symbol, exponent), sorted: m/s^2 is (("m", 1), ("s", -2))

_DEFINED: dict[str, dict[str, int]] = {
    "N": {"kg": 1, "m": 1, "s": -2}, "Ns": {"kg": 1, "m": 1, "s": -1}, "Nm": {"kg": 1, "m": 2, "s": -2},
    "J": {"kg": 1, "m": 2, "s": -2}, "W": {"kg": 1, "m": 2, "s": -3}, "Pa": {"kg": 1, "m": -1, "s": -2},
    "V": {"kg": 1, "m": 2, "s": -3, "A": -1}, "ohm": {"kg": 1, "m": 2, "s": -3, "A": -2}, "C": {"A": 1, "s": 1},
    "Hz": {"s": -1}, "T": {"kg": 1, "s": -2, "A": -1}, "F": {"A": 2, "s": 4, "kg": -1, "m": -2},
    **{base: {base: 1} for base in ("m", "s", "kg", "g", "A", "K", "mol", "min", "h", "day", "eV", "L", "deg",
                                    "celsius", "fahrenheit")},
}
_NAMES = {
    "m": "metre meter", "s": "second sec", "g": "gram gramme", "A": "ampere amp", "K": "kelvin", "mol": "mole",
    "N": "newton", "J": "joule", "W": "watt", "Pa": "pascal", "V": "volt", "ohm": "ohm Ω \u2126 Omega", "C": "coulomb",
    "Hz": "hertz", "T": "tesla", "F": "farad", "min": "minute", "h": "hour hr", "day": "day", "L": "litre liter l",
    "eV": "electronvolt", "deg": "degree circ °", "celsius": "celsius", "fahrenheit": "fahrenheit",
}
_PREFIXES = {"k": "kilo", "c": "centi", "m": "milli", "M": "mega", "n": "nano", "G": "giga", "u": "micro", "d": "deci"}
_SYMBOL = {name: symbol for symbol, names in _NAMES.items() for name in names.split()}
_TERM = re.compile(r"\s{0,2}(/|\*|·|⋅|-(?=[A-Za-z])|per\b|)\s{0,2}\\?([^\W\d_]{1,24}|°)"
                   r"(?:(?:\s?\^\s?)?\{?([-−]?[0-9])\}?(?![0-9.]))?")
_POWER_WORD = re.compile(r"\s(squared|cubed)\b")
_POWERS = {"square": 2, "sq": 2, "cubic": 3, "squared": 2, "cubed": 3}
_GROUP = re.compile(r"(/|\*|·|⋅|\bper\b)\s?\(([^()]{1,60})\)")
_TEMPERATURE = re.compile(r"(?:°|\\?\bcirc\b|\bdeg(?:rees?)?\b)\s?([CF])(?:elsius|ahrenheit)?\b", re.IGNORECASE)
_PLAIN = str.maketrans("µμ⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "uu0123456789-")
MOST_TERMS = 8


def read_unit(text: str) -> Unit | None:
    """The unit that stands first in ``text``; None where the first word is no unit known here, or half of one."""
    text = _GROUP.sub(r"\1 \2", text[:120].translate(_PLAIN))
    text = _TEMPERATURE.sub(lambda m: "celsius" if m[1] in "cC" else "fahrenheit", text)
    total: Counter[str] = Counter()
    place, below, power = 0, False, 1
    for number in range(MOST_TERMS):
        if (term := _TERM.match(text, place)) is None:
            break
        joint, word, exponent = term[1], term[2], int((term[3] or "1").replace("−", "-"))
        divides = joint in ("/", "per")
        if word in ("square", "sq", "cubic"):
            power, place, below = _POWERS[word], term.end(), below or divides
            continue
        meaning = _meaning(word)
        if meaning is None or (number == 0 and joint not in ("", "/", "per")):
            if divides and total:
                return None  # dollars per ticket, metres per jump: half a unit would be another one
            break
        place, below = term.end(), below or divides
        if more := _POWER_WORD.match(text, place):
            exponent, place = exponent * _POWERS[more[1]], more.end()
        for symbol, times in meaning.items():
            total[symbol] += times * exponent * power * (-1 if below else 1)
        power = 1
    if re.match(r"\s?[/^]", text[place:]):
        return None
    return tuple(sorted((symbol, n) for symbol, n in total.items() if n)) or None


def same(one: str, other: str) -> bool:
    """Whether both texts begin with the same known unit."""
    unit = read_unit(one)
    return unit is not None and unit == read_unit(other)


def canonical(text: str) -> str:
    """One spelling for what is the same unit: the shortest symbol that stands for it, else its powers; empty where
    ``text`` begins with none known here.

    >>> canonical("kg*m/s^2"), canonical("metres per second squared"), canonical("apples")
    ('N', 'm s^-2', '')
    """
    if (unit := read_unit(text)) is None:
        return ""
    symbols = [name for name, meaning in _DEFINED.items() if tuple(sorted(meaning.items())) == unit]
    powers = " ".join(symbol if n == 1 else f"{symbol}^{n}" for symbol, n in unit)
    return min(symbols, key=lambda name: (len(name), name)) if symbols else powers


def _meaning(word: str) -> dict[str, int] | None:
    if word in _DEFINED:
        return _DEFINED[word]
    name = word if word in _SYMBOL else word.lower()
    for stem in (name, name.removesuffix("s")):
        if stem in _SYMBOL:
            return _DEFINED[_SYMBOL[stem]]
    for short, long in _PREFIXES.items():
        if name.startswith(long) and (symbol := _SYMBOL.get(name[len(long):].removesuffix("s"))):
            return _prefixed(short, symbol)
    if word[0] in _PREFIXES and word[1:] in _DEFINED:
        return _prefixed(word[0], word[1:])
    return None


def _prefixed(prefix: str, symbol: str) -> dict[str, int]:
    return {prefix + symbol: 1}
