"""The order of the rooms: a core module imports only modules above it, and importing loads nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "sirius_core"

# From top to bottom. A room is a module or a sub-package; siblings inside a sub-package may import one another.
# The network `pocket` knows no other room, and `models` speaks for it: so it stands above.
ROOMS = (
    "errors", "prompts", "settings", "trajectories", "numerals", "answers", "statistics", "games", "pocket",
    "store", "demo", "models", "tasks", "votes", "rewards", "teams", "episodes", "pacing", "calls", "rollout",
    "leaks", "repair", "rewriting", "review", "whatif", "training", "finetune", "recipes", "imports", "evaluate",
    "measures", "cross_table", "crossplay", "figures", "scoresheet", "spending", "gate", "improve", "machines",
    "asking", "human", "worth", "credit", "reviewers", "provenance", "export", "estimate", "doctor", "contrast",
    "lessons", "tables", "flows", "tidy_games", "frames", "share", "processes", "jobs", "campaign", "inquiries",
    "server", "commands", "__main__",
)
HEAVY = ("streamlit", "pandas", "plotly", "openai", "torch")
NEVER = {"utils", "util", "common", "helpers", "base", "manager", "misc"}
LONGEST = 400
FOLDERS = (ROOT, ROOT / "pages", ROOT / "view", ROOT / "notebooks", ROOT / "benchmarks", ROOT / "data")
CODE = sorted([*CORE.rglob("*.py"), *(path for folder in FOLDERS for path in folder.glob("*.py"))])


def room_of(path: Path) -> str:
    """``sirius_core/store/schema.py`` stands in the room ``store``; the package's own file is ``__init__``."""
    return path.relative_to(CORE).with_suffix("").parts[0]


def imported(source: str, package: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """(line, room) of every import of the core in ``source``, at whatever depth, whose file stands in ``package``.

    ``from ..models import pocket`` in ``("sirius_core", "teams")`` is the room ``models``.
    """
    for node in ast.walk(ast.parse(source)):
        targets: list[tuple[str, ...]] = []
        if isinstance(node, ast.Import):
            targets = [tuple(name.name.split(".")) for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = (*above, *(node.module.split(".") if node.module else ()))
            targets = [(*module, name.name) for name in node.names]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                targets = [tuple(node.args[0].value.split("."))]
        for target in targets:
            if target[0] == "sirius_core" and len(target) > 1:
                yield getattr(node, "lineno", 0), target[1]


def below(path: Path, source: str) -> list[str]:
    """The imports of ``path`` that reach a room below its own, or one that the list does not name."""
    package = ("sirius_core", *path.relative_to(CORE).parts[:-1])
    own = room_of(path)
    found = []
    for line, room in imported(source, package):
        if room == own or not ((CORE / room).exists() or (CORE / f"{room}.py").exists()):
            continue  # a sibling, or a name of sirius_core/__init__.py such as __version__
        if room not in ROOMS or own not in ROOMS or ROOMS.index(room) > ROOMS.index(own):
            found.append(f"{path.relative_to(ROOT)}:{line}: {own} imports {room}, which stands below it")
    return found


def test_every_room_is_on_the_list() -> None:
    rooms = {room_of(path) for path in CORE.rglob("*.py")} - {"__init__"}
    assert rooms - set(ROOMS) == set()


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=lambda path: str(path.relative_to(CORE)))
def test_a_module_imports_only_modules_above_it(path: Path) -> None:
    assert below(path, path.read_text("utf-8")) == []


@pytest.mark.parametrize("source, lines", [
    ("from .errors import SiriusError", []),
    ("from . import statistics", [1]),
    ("def f():\n    from .statistics import wilson", [2]),
    ("import sirius_core.statistics", [1]),
    ("if True:\n    from sirius_core import statistics", [2]),
    ("import importlib\nimportlib.import_module('sirius_core.statistics')", [2]),
    ("from . import __version__\nimport statistics\nfrom statistics import NormalDist", []),
])
def test_the_test_sees_every_form_of_import(source: str, lines: list[int]) -> None:
    found = below(CORE / "prompts.py", source)
    assert [int(line.split(":")[1]) for line in found] == lines


def test_a_package_may_import_its_siblings_and_what_stands_above() -> None:
    assert below(CORE / "store" / "new.py", "from .schema import TABLES\nfrom ..errors import StoreError") == []
    assert below(CORE / "store" / "new.py", "from ..models import Model") == [
        "sirius_core/store/new.py:1: store imports models, which stands below it"]


def present() -> list[str]:
    return [room for room in ROOMS if (CORE / room).is_dir() or (CORE / f"{room}.py").exists()]


def test_importing_the_core_loads_nothing_heavy() -> None:
    modules = ["sirius_core", *(f"sirius_core.{room}" for room in present())]
    code = (f"import importlib, sys\nfor name in {modules!r}:\n    importlib.import_module(name)\n"
            f"    print(name, *sorted(set({HEAVY!r}) & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:-1] == modules


def test_importing_the_package_itself_loads_no_room() -> None:
    code = "import sys, sirius_core; print(*[m for m in sys.modules if m.startswith('sirius_core.') or m == 'numpy'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_no_room_is_named_after_nothing() -> None:
    names = {part for path in CORE.rglob("*.py") for part in path.relative_to(CORE).with_suffix("").parts}
    assert names & NEVER == set()


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST
