"""Makes ``demo.db.gz``: a small finished experiment of the embedded model, packed. About half a minute.

    python data/make.py

Plays, repairs, training sets, weights and reports repeat to the letter; clock times and durations do not, so the packed
file gets another checksum each time. README.md states the one that ships.
"""

from __future__ import annotations

import gzip
import hashlib
import sys
import tempfile
from pathlib import Path

from sirius_core import jobs
from sirius_core.settings import preset
from sirius_core.store import Store

HERE = Path(__file__).resolve().parent
SEED = 4
CHANGES = {
    "rounds": 2, "problems": 80, "max_solutions": 3, "sharing": "shared",  # one set of weights a round: a small file
    "heldout": 200, "validation": 40, "new_wordings": 0, "withheld_forms": 0, "controls": 0,
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, packed = Path(folder) / "demo.db", HERE / "demo.db.gz"
        with Store(path) as store:
            made = jobs.create(store, "demo", preset("quickstart", CHANGES), SEED)
        jobs.run(path, made.id, hear=lambda line: print(line, file=sys.stderr))
        with Store(path) as store:
            store.experiments.set_job(made.id, log="")  # of this machine
            store.db.raw.execute("VACUUM")
            store.db.raw.execute("PRAGMA journal_mode = DELETE")  # one file, whole
        with packed.open("wb") as out, gzip.GzipFile("", "wb", 9, out, mtime=0) as file:  # neither name nor clock in it
            file.write(path.read_bytes())
    print(f"{hashlib.sha256(packed.read_bytes()).hexdigest()}  {packed.name}, {packed.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
