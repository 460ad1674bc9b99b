"""The command line ``sirius``: the same calls that the pages make.

Progress goes to stderr. With ``--json`` stdout carries exactly one object (its schema: report.schema.json beside this
file, contrast.schema.json for a contrast). Exit codes: 0 done, 1 our error in one clear line, 2 usage, 3 paused (review
or budget), 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn

from . import __version__
from .commands import (
    contrasts,
    crossplay,
    endpoints,
    experiments,
    imports,
    inquiries,
    lab,
    library,
    line,
    measures,
    sharing,
    worth,
)
from .errors import Cancelled, SiriusError, UsageError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    args = parser().parse_args(arguments)
    # Before NumPy is loaded: the embedded model's small products gain nothing from several threads, which only wait for
    # one another where cores are busy. PyTorch's threads are its own.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        return int(args.command(args) or 0)
    except SiriusError as error:
        print(line(error, args), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("sirius: interrupted; what was finished is stored", file=sys.stderr)
        return Cancelled.exit_code
    except OSError as error:  # nobody reads on, or a disk is full: what stands in stdout's buffer can go nowhere
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return 0
        print(f"sirius: {error}", file=sys.stderr)
        return SiriusError.exit_code


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(UsageError.exit_code, f"sirius: {message} (see: {self.prog} --help)\n")


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = _Parser(prog="sirius", description="A team of language-model agents that improves itself.")
    top.add_argument("--version", action="version", version=f"sirius-lab {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    def command(name: str, function: Any, help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help)
        sub.set_defaults(command=function)
        return sub

    for part in (experiments, contrasts, library, imports, inquiries, worth, measures, crossplay, endpoints, lab,
                 sharing):
        part.add(command)
    return top


if __name__ == "__main__":
    sys.exit(main())
