"""What an import takes: a file of traces of so many megabytes, read, judged and stored; CPU seconds and peak memory.

    python benchmarks/imports.py --megabytes 95
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

from sirius_core import imports
from sirius_core.store import Store

WORDS = "The quick brown fox jumps over the lazy dog, and $x^2$ stays. " * 60  # 3.7 kB: a reply of 600 words


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=95)
    megabytes = parser.parse_args().megabytes
    with tempfile.TemporaryDirectory() as folder:
        path, lines, size = Path(folder) / "traces.jsonl", 0, 0
        with path.open("w", encoding="utf-8") as file:
            while size < megabytes * 1e6:
                n = lines % 20_000
                said = f"{WORDS}\n\nAnswer: {n if lines % 3 else 1}"
                turns = [{"role": "planner", "text": WORDS}, {"role": "solver", "text": said}]
                size += file.write(json.dumps({"question": f"Problem {n}: how many?", "answer": str(n),
                                               "kind": "number", "turns": turns}) + "\n")
                lines += 1
        before = _peak()
        with Store(Path(folder) / "lab.db") as store:
            started, cpu = time.perf_counter(), time.process_time()
            taken = imports.take(store, path)
            print(f"{size / 1e6:.0f} MB, {taken.traces:,} traces ({taken.right:,} right): "
                  f"{time.process_time() - cpu:.0f} s of CPU, {time.perf_counter() - started:.0f} s; "
                  f"peak {_peak():.0f} MB (before {before:.0f})")


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
