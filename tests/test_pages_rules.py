"""Rules that hold for every page and every drawing, read from their source; and that the lists of them are true."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_architecture import ROOMS

from sirius_core.__main__ import parser

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "pages").glob("*.py"))
DRAWINGS = sorted((ROOT / "view").glob("*.py"))
SHOWN = [ROOT / "app.py", *PAGES, *DRAWINGS]

# Calls of Streamlit, and drawings of ours, that read Markdown in their texts; and what names text of a model, a file or
# a person. It comes there through one of `MADE_PLAIN` only. tests/e2e/test_hostile.py looks at the pages themselves.
READS_MARKDOWN = {
    "badge", "button", "caption", "checkbox", "download_button", "empty", "error", "expander", "header", "info", "link",
    "markdown", "metric", "number_input", "opener", "page_link", "pills", "popover", "progress", "radio",
    "segmented_control", "selectbox", "status", "subheader", "success", "tabs", "text_area", "text_input", "title",
    "toast", "toggle", "warning", "write",
}
FOREIGN = {
    "answer", "author", "checkpoint", "content", "critique", "feedback", "leak", "message", "note", "question", "raw",
    "reason", "rephrased", "role", "rule", "source", "text", "why",
}
TYPED = {"text_input", "text_area", "number_input", "selectbox"}  # what stands in a field is no Markdown, its label is
MADE_PLAIN = {"plain", "name", "knows"}
OUR_WORDS = {"step"}  # names of things whose texts stand in the code: the steps of a round
CHANGES = ("append", "add", "update", "pop", "clear", "setdefault", "extend", "remove")
MUTABLE = {
    "background.py": ["_CHILDREN"],  # processes that were started, kept only to be reaped
}


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """(name of the function, call) of every call of an attribute: ``st.caption(...)`` is ``caption``."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr, node


def foreign(node: ast.AST) -> Iterator[str]:
    """What names foreign text in an expression and is not made plain there."""
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in MADE_PLAIN:
            return
        yield from (found for part in [*node.args, *node.keywords] for found in foreign(part))
    elif isinstance(node, ast.Attribute) and node.attr in FOREIGN and getattr(node.value, "id", "") not in OUR_WORDS:
        yield ast.unparse(node)
    elif isinstance(node, ast.IfExp):  # what is asked is not said
        yield from (*foreign(node.body), *foreign(node.orelse))
    elif isinstance(node, ast.Subscript) and getattr(node.value, "id", "a").isupper():
        return  # a word of ours, looked up
    elif not isinstance(node, ast.Compare):
        yield from (found for part in ast.iter_child_nodes(node) for found in foreign(part))


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.name)
def test_no_foreign_text_stands_where_markdown_is_read(path: Path) -> None:
    shown = ("label", "body", "text", "title", "help", "value", "delta")
    found = []
    for name, call in calls(path):
        if name in READS_MARKDOWN:
            parts = [*call.args[: 1 if name in TYPED else None], *(k.value for k in call.keywords if k.arg in shown)]
            found += [f"{path.name}:{call.lineno}: {name}({raw})" for part in parts for raw in foreign(part)]
    assert found == []


@pytest.mark.parametrize("line, found", [
    ("st.caption(turn.text)", ["turn.text"]), ("st.caption(lab.plain(turn.text))", []),
    ("st.markdown(f'**{turn.role}**')", ["turn.role"]), ("st.badge('a leak' if repair.leak else 'none')", []),
    ("st.error(', '.join(t.why for t in found))", ["t.why"]),
])
def test_the_test_sees_what_is_not_made_plain(line: str, found: list[str]) -> None:
    (call,) = [node for node in ast.walk(ast.parse(line)) if isinstance(node, ast.Expr)]
    assert isinstance(call.value, ast.Call) and [*foreign(call.value.args[0])] == found


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_that_is_opened_by_its_address_gets_its_frame(path: Path) -> None:
    assert f"""
if not st.session_state.get("_routed"):  # opened by its address on a cold server: the frame comes first
    st.session_state["_goto"] = ("pages/{path.name}", st.query_params.to_dict())
    st.switch_page("app.py")
""" in path.read_text("utf-8")


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.name)
def test_tables_and_charts_say_in_words_what_they_show(path: Path) -> None:
    drawn = [{k.arg for k in call.keywords} for name, call in calls(path) if name in ("dataframe", "plotly_chart")]
    assert all({"alt", "key"} <= named for named in drawn)


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.name)
def test_no_state_is_shared_by_visitors(path: Path) -> None:
    """Nothing at the top of a file is changed by a function of it, and no connection is cached."""
    tree = ast.parse(path.read_text("utf-8"))
    names = {t.id for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)
             for t in (node.targets if isinstance(node, ast.Assign) else [node.target]) if isinstance(t, ast.Name)}
    changed = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            changed |= set(node.names)
        elif isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
            changed |= {getattr(node.value, "id", "")}
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
            changed |= {getattr(node.func.value, "id", "")}
    assert sorted(names & changed) == MUTABLE.get(path.name, [])
    cached = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
              for d in node.decorator_list if "cache_" in ast.unparse(d)]
    assert not [f.name for f in cached if f.returns is None or re.search("Store|Connection", ast.unparse(f.returns))]


# -- lists of what there is --------------------------------------------------------------------------------------------
def test_the_list_of_drawings_is_true() -> None:
    listed = re.findall(r"^(\w+)  ", (ROOT / "view" / "__init__.py").read_text("utf-8"), re.MULTILINE)
    assert sorted(listed) == [path.stem for path in DRAWINGS if path.stem != "__init__"]


def test_the_table_of_rooms_is_true() -> None:
    rows = re.findall(r"^\| ([^|]+) \|", (ROOT / "sirius_core" / "README.md").read_text("utf-8"), re.MULTILINE)
    listed = [name.replace("\\", "").rstrip("/") for row in rows[1:] for name in row.strip().split(", ")]
    there = {path.stem for path in (ROOT / "sirius_core").iterdir() if not path.name.startswith(("__pycache__", "."))}
    assert [name for name in listed if name != "---"] == [name for name in ROOMS if name in there]


def test_every_command_is_told_and_none_that_is_not_there() -> None:
    (known,) = [a.choices for a in parser()._actions if a.metavar == "COMMAND"]
    assert known is not None
    told = re.findall(r"`sirius ([a-z-]+)", (ROOT / "docs" / "commands.md").read_text("utf-8"))
    assert list(dict.fromkeys(told)) == list(known)
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        named = re.findall(r"(?:^\$ |`)sirius ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE)
        assert set(named) <= set(known), page.name


def test_every_benchmark_is_in_its_table() -> None:
    listed = re.findall(r"^\| `(\w+)\.py` \|", (ROOT / "benchmarks" / "README.md").read_text("utf-8"), re.MULTILINE)
    assert sorted([*listed, "contenders"]) == sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py"))


def test_every_page_is_on_the_map() -> None:
    said = (ROOT / "README.md").read_text("utf-8")
    (line,) = re.findall(r"^pages/ +(.+)$", said, re.MULTILINE)
    assert sorted(line.split(", ")) == [path.stem for path in PAGES]
