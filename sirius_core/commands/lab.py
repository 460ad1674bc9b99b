"""``sirius pocket``, ``lab`` and ``notebook``: the embedded model, the app, the notebooks."""

from __future__ import annotations

import argparse
import os
import platform
import socket
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from ..errors import UsageError
from . import Add, common, port


def add(command: Add) -> None:
    pocket = command("pocket", _pocket, "Rebuild a shipped checkpoint of the embedded model.")
    pocket.add_argument("action", choices=["pretrain"])
    pocket.add_argument("base", nargs="?", default="misled")
    pocket.add_argument("--out", type=Path, help="where to write it (default: NAME.npz here)")
    lab = command("lab", _lab, "Open the lab in a browser; an empty database starts the quickstart by itself.")
    lab.add_argument("--port", type=port, default=8501)
    lab.add_argument("--no-browser", action="store_true")
    common(lab)
    command("notebook", _notebook, "Open the notebooks in JupyterLab.")


def _pocket(args: argparse.Namespace) -> None:
    from ..pocket import pretraining

    if args.base not in pretraining.BASES:
        from ..errors import UnknownName

        raise UnknownName("base", args.base, pretraining.BASES)

    out = args.out or Path(f"{args.base}.npz")
    if not out.parent.is_dir() or out.is_dir():  # told before the minutes that it takes
        raise UsageError(f"cannot write {str(out)!r}: name a file in a folder that exists")
    if any(os.environ.get(name) != value for name, value in _as_shipped().items()):
        # BLAS reads them once, when NumPy is loaded: begin again with them set
        os.environ.update(_as_shipped())
        os.execv(sys.executable, [sys.executable, "-m", "sirius_core", *sys.argv[1:]])

    def on_step(step: int, steps: int, loss: float) -> None:
        if step % 100 == 0 or step == steps:
            print(f"\r{args.base}: step {step}/{steps}, loss {loss:.3f}", end="", file=sys.stderr, flush=True)

    started = time.process_time()
    blob = pretraining.pretrain(args.base, on_step)
    out.write_bytes(blob)
    print(f"\n{out}: {len(blob):,} bytes, {time.process_time() - started:.0f} s of one core", file=sys.stderr)


def _as_shipped() -> dict[str, str]:
    """The BLAS with which the shipped bases were made: one thread, and kernels that every x86-64 with AVX2 can run.

    By itself OpenBLAS chooses by the processor, and other kernels round differently.
    """
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return threads | ({"OPENBLAS_CORETYPE": "Haswell"} if platform.machine() in ("x86_64", "AMD64") else {})


def _lab(args: argparse.Namespace) -> int:
    from .. import jobs
    from ..store import Store

    app = Path(__file__).resolve().parents[2] / "app.py"
    if not app.exists():
        raise UsageError("the app is not part of the installed package: run `make lab` in a checkout")
    if find_spec("streamlit") is None:
        raise UsageError("the app needs streamlit: pip install 'sirius-lab[app]'")
    with socket.socket() as probe:  # before anything is started
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", args.port))
        except OSError as error:
            raise UsageError(
                f"port {args.port} cannot be used ({error.strerror}): a lab may be open there already; "
                f"another: sirius lab --port {args.port % 65535 + 1}"
            ) from None
    db = args.db.resolve()
    with Store(db) as store:
        first = jobs.first(store)
    if first is not None:
        jobs.launch(db, first.id)
    print(f"Sirius Lab: http://127.0.0.1:{args.port}", file=sys.stderr)
    options = {
        "server.address": "127.0.0.1",
        "server.port": str(args.port),
        "server.headless": str(args.no_browser).lower(),
        "server.showEmailPrompt": "false",  # or the first start would wait for an answer in the terminal
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    command = [sys.executable, "-m", "streamlit", "run", str(app), *flags]
    os.chdir(app.parent)  # .streamlit/config.toml is read from there
    os.execve(sys.executable, command, {**os.environ, "SIRIUS_DB": str(db)})


def _notebook(args: argparse.Namespace) -> None:
    if find_spec("jupyterlab") is None:
        raise UsageError("the notebooks need JupyterLab: make notebook installs it")
    folder = Path(__file__).resolve().parents[2] / "notebooks"
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", "--ip", "127.0.0.1", str(folder)])
