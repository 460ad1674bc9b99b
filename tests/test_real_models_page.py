"""The page about real models says only what is true: its commands parse, its settings exist, its Python imports."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
from pathlib import Path

import pytest

from sirius_core.__main__ import parser
from sirius_core.commands import changes_of
from sirius_core.settings import FIELDS, preset

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "real_models.md").read_text("utf-8")
COMMANDS = [shlex.split(line, comments=True)[1:] for line in
            re.findall(r"^\$ (sirius .*)$", PAGE.replace("\\\n", " "), re.MULTILINE)]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_parses_and_its_settings_are_valid(words):
    args = parser().parse_args(words)
    preset("quickstart", changes_of(getattr(args, "set", [])))


def test_every_setting_and_command_that_the_text_names_exists():
    for name in re.findall(r"--set '?(\w+)=", PAGE):
        assert name in FIELDS
    for name in re.findall(r"`(?:\$ )?sirius ([\w-]+)", PAGE):
        with pytest.raises(SystemExit) as end:
            parser().parse_args([name, "--help"])
        assert end.value.code == 0


def test_the_python_on_the_page_imports_what_there_is():
    for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and node.module:
                assert all(hasattr(importlib.import_module(node.module), name.name) for name in node.names)
