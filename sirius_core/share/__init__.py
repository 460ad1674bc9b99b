"""One experiment as one HTML file: figures, tables, examples, decisions, provenance, and how to repeat it.

    write(store, "quickstart-0-1", Path("quickstart.html"))

The file needs nothing else: no script, no font, no image, no request. Its security policy forbids every one, so that
whatever a model or a person said stays text. The same database gives the same bytes: no clock takes part. Texts whose
licence keeps them out of exports (see `tasks.restricted`) stay out, and of paths only the last part is told.
"""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from importlib import resources
from pathlib import Path

from .. import __version__
from ..errors import UsageError
from ..store import Store
from . import sections
from .words import text


def bundle(store: Store, experiment: str) -> str:
    """The page of one experiment; one that has measured nothing yet says so."""
    e = store.experiments.get(experiment)
    reports = store.experiments.reports(experiment)
    style = resources.files(__name__).joinpath("page.css").read_text("utf-8")
    policy = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    parts = [section for make in sections.ALL if (section := make(store, e, reports))]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-{policy}'; base-uri 'none'; \
form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="Sirius Lab {__version__}">
<title>{text(e.name[:200])} · Sirius Lab</title>
<style>{style}</style>
</head>
<body>
{chr(10).join(parts)}
</body>
</html>
"""


def write(store: Store, experiment: str, out: Path) -> int:
    """Write the page into ``out``, whole or not at all; returns its size in bytes."""
    page = bundle(store, experiment).encode("utf-8", "replace")
    if out.is_dir() or not out.parent.is_dir():
        raise UsageError(f"cannot write {str(out)!r}: name a file in a folder that exists")
    try:
        with tempfile.NamedTemporaryFile(dir=out.parent, prefix=f".{out.name}.", delete=False) as part:
            part.write(page)
        os.chmod(part.name, 0o644)
        os.replace(part.name, out)
    except OSError as error:
        raise UsageError(f"cannot write {str(out)!r}: {error.strerror}") from None
    return len(page)


__all__ = ["bundle", "write"]
