"""A round's library as files for other tools, each line with where it came from.

    files = export.folder(store, "quickstart-0-1", 3, Path("export"), "trl")

Formats, one JSON object per line:

``openai``       {"messages": [..., {"role": "assistant", "content": reply}]}: chat fine-tuning of OpenAI and many hosts
``trl``          the same object, TRL's conversational form (SFTTrainer; ``assistant_only_loss`` keeps prompts silent);
                 where speakers have earlier turns of their own (a debate) {"prompt": messages, "completion": [reply]}
                 in the whole file, because that setting would learn those turns, too
``preferences``  {"prompt": messages, "chosen": [reply], "rejected": [reply]}: TRL's preference pairs (DPOTrainer)

A preference is one reply over another *to the same prompt*, the one at inference: a critic's repair over the failure, a
person's edit over the failure and over the critic's repair. Equal pairs stand there once.

Beside each file stands its ``.provenance.jsonl``: line i says where line i came from. ``SHA256SUMS`` covers them all
(``sha256sum -c SHA256SUMS``). Problems whose licence forbids it stay out, and so do planted repairs: they never reach
a library. No key, address or path of this machine is written.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

from . import recipes, review, tasks
from .errors import UnknownName, UsageError
from .store import Store
from .training import Example, as_messages, to_jsonl
from .trajectories import Repair, Trajectory, digest

FORMATS = ("openai", "trl", "preferences")
BATCH = 500  # examples whose trajectories are in memory at once
SUMS = "SHA256SUMS"


@dataclass(frozen=True)
class File:
    """One written file: ``examples`` lines; ``left_out`` did not go out for their licence."""

    path: Path
    model: str
    examples: int
    left_out: int
    training_set: str  # its content hash

    @property
    def provenance(self) -> Path:
        return self.path.with_name(f"{self.path.name.removesuffix('.jsonl')}.provenance.jsonl")


@dataclass(frozen=True)
class Line:
    """One line to be written, with where it came from; None where the licence keeps it in."""

    text: str | None
    origin: Mapping[str, Any]


def sets(store: Store, experiment: str, round: int | None = None, model: str | None = None) -> list[dict[str, Any]]:
    """The training sets of a round, the last one if none is named; UsageError if there are none."""
    found = store.weights.training_sets(experiment, round)
    if not found:
        where = f" in round {round}" if round is not None else ""
        raise UsageError(f"{experiment} has no training set{where}")
    last = [row for row in found if row["round"] == found[-1]["round"]]
    chosen = [row for row in last if model is None or row["model"] == model]
    if not chosen:
        raise UnknownName("model", str(model), [row["model"] for row in last])
    return chosen


def lines(store: Store, training_set: Mapping[str, Any], experiment: str, format: str) -> Iterator[Line]:
    """The lines of one of `sets`, in order."""
    if format not in FORMATS:
        raise UnknownName("export format", format, FORMATS)
    if format == "preferences":
        return _pairs(store, experiment, training_set["round"], training_set["model"])
    return _examples(store, training_set["id"], format == "trl" and store.examples.with_history(training_set["id"]))


def counted(store: Store, experiment: str, training_set: Mapping[str, Any], format: str) -> tuple[int, int]:
    """(lines, how many the licence keeps in) of one of `sets`."""
    if format == "preferences":
        made = [line.text is not None for line in lines(store, training_set, experiment, format)]
        return sum(made), len(made) - sum(made)
    kept_in = store.examples.restricted(training_set["id"])
    return training_set["n"] - kept_in, kept_in


def folder(
    store: Store, experiment: str, round: int | None, out: Path, format: str = "openai", model: str | None = None
) -> list[File]:
    """Write a round's files into ``out``. A new folder appears whole or not at all; into one that stands the files are
    put one by one, each whole, the checksums last."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
        try:
            files = write(store, experiment, round, made, format, model)
            _sums(made, out)
            _place(made, out)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise UsageError(f"cannot write into {str(out)!r}: {error.strerror}") from None
    return [File(out / f.path.name, f.model, f.examples, f.left_out, f.training_set) for f in files]


def write(
    store: Store, experiment: str, round: int | None, out: Path, format: str = "openai", model: str | None = None
) -> list[File]:
    """The files of a round in an empty folder, without checksums."""
    files: list[File] = []
    for row in sets(store, experiment, round, model):
        name = "".join(c if c.isalnum() or c in "-_." else "-" for c in row["model"].replace("*", "all"))
        stem = f"round{row['round']}.{name}{'' if format == 'openai' else f'.{format}'}"
        if any(f.path.name == f"{stem}.jsonl" for f in files):  # two names that differ in their signs alone
            stem += f".{digest(row['model'])[:8]}"
        path, examples, left_out = out / f"{stem}.jsonl", 0, 0
        file = File(path, row["model"], 0, 0, row["hash"])
        with (path.open("w", encoding="utf-8", errors="replace") as data,
              file.provenance.open("w", encoding="utf-8", errors="replace") as beside):
            for line in lines(store, row, experiment, format):
                if line.text is None:
                    left_out += 1
                    continue
                data.write(f"{line.text}\n")
                origin = {"line": examples, "experiment": experiment, "round": row["round"], "model": row["model"],
                          "training_set": row["hash"], **line.origin,
                          "sha256": hashlib.sha256(line.text.encode("utf-8", "replace")).hexdigest()}
                beside.write(json.dumps(origin, ensure_ascii=False) + "\n")
                examples += 1
        files.append(File(path, row["model"], examples, left_out, row["hash"]))
    return files


def zipped(
    store: Store, experiment: str, round: int | None, format: str = "openai", model: str | None = None
) -> bytes:
    """The same files in one ZIP archive; the same library makes the same bytes."""
    buffer = BytesIO()
    with tempfile.TemporaryDirectory() as name:
        made = Path(name)
        write(store, experiment, round, made, format, model)
        _sums(made, made)
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(made.iterdir()):
                entry = zipfile.ZipInfo(path.name, (1980, 1, 1, 0, 0, 0))
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()


# -- examples --------------------------------------------------------------------------------------------------------
def _examples(store: Store, training_set: str, completions: bool) -> Iterator[Line]:
    places = iter(store.weights.examples_of(training_set))
    position = 0
    while batch := list(islice(places, BATCH)):
        found = store.episodes.many(list({trajectory for trajectory, _ in batch}))
        known = store.episodes.tasks(list({t.task for t in found.values()}))
        origins = store.examples.origins(training_set, position, BATCH)
        for (trajectory, turn), row in zip(batch, origins, strict=True):
            example = Example(found[trajectory], turn)
            text = None if tasks.restricted(known[found[trajectory].task]) else _line(example, completions)
            yield Line(text, {**row, "request": example.said.request, "trajectory_content": found[trajectory].content,
                              "speaker": speaker(example.said.model)})
        position += len(batch)


def _line(example: Example, completion: bool) -> str:
    if not completion:
        return next(to_jsonl([example]))
    prompt, reply = as_messages(example)
    return json.dumps({"prompt": prompt, "completion": [reply]}, ensure_ascii=False)


def speaker(model: str) -> str:
    """Who said a turn: a checkpoint's hash, or a model's name without the address at which it was asked."""
    return model.rpartition(" ")[2] if "://" in model else "" if "/" in model or "\\" in model else model


# -- preferences -----------------------------------------------------------------------------------------------------
def _pairs(store: Store, experiment: str, round: int, model: str) -> Iterator[Line]:
    e = store.experiments.get(experiment)
    recipe, threshold = recipes.get(e.settings), e.settings.threshold
    replays, edited = review.admitted(store, experiment, round if e.settings.library == "fresh" else 1, round)
    seen: set[str] = set()
    for replay in replays:
        name, failed = store.examples.repair_of(replay.id), store.episodes.get(replay.parent or "")
        repair = None if name is None else store.repairs.get(name)
        if failed.earned(threshold) and not recipe.mends(failed, threshold):
            continue  # a what-if of something right: nothing was mended
        for turn in (i for i, said in enumerate(replay.turns) if said.origin == "edited"):
            if recipe.model_of(replay.turns[turn]) != model:
                continue
            for line in _over(store, replay, failed, turn, repair, replay.id in edited):
                if (content := str(line.origin["content"])) not in seen:
                    seen.add(content)
                    yield line


def _over(
    store: Store, replay: Trajectory, failed: Trajectory, turn: int, repair: Repair | None, edited: bool
) -> Iterator[Line]:
    """What the reply of an edited turn is preferred to."""
    said, before = replay.turns[turn], failed.turns[turn]
    over = [("failure", before.text)] if before.request == said.request else []
    if edited and repair is not None and repair.turn == turn and repair.rephrased:
        over.append(("repair", repair.rephrased))
    decisions = () if repair is None else store.repairs.history(repair.id)
    decision = decisions[-1] if decisions and decisions[-1].replay == replay.id else None
    kept_in = tasks.restricted(store.episodes.task(replay.task))
    for what, worse in over:
        if worse == said.text or not worse.strip():
            continue
        prompt = [{"role": m.role, "content": m.content} for m in said.messages]
        pair = {"prompt": prompt, "chosen": [{"role": "assistant", "content": said.text}],
                "rejected": [{"role": "assistant", "content": worse}]}
        yield Line(None if kept_in else json.dumps(pair, ensure_ascii=False), {
            "trajectory": replay.id, "turn": turn, "task": replay.task,
            "content": digest(said.messages, said.text, worse),
            "chosen": "edit" if edited else "repair", "rejected": what, "parent": failed.id,
            "repair": None if repair is None else repair.id, "critic": None if repair is None else repair.critic,
            "mend": None if repair is None else repair.mend,
            "decision": None if decision is None else decision.verdict,
            "author": None if decision is None else decision.author,
            "reason": None if decision is None else decision.reason,
            "hash_before": None if decision is None else decision.before,
            "hash_after": None if decision is None else decision.after,
            "request": said.request, "trajectory_content": replay.content, "speaker": speaker(before.model)})


# -- files -----------------------------------------------------------------------------------------------------------
def _sums(made: Path, out: Path) -> None:
    """Checksums of everything new, and of what an earlier export left in ``out`` and is still there."""
    found: dict[str, str] = {}
    if (old := out / SUMS).is_file():
        for line in old.read_text("utf-8", "replace").splitlines():
            content, _, name = line.partition("  ")
            if name and (out / name).is_file():
                found[name] = content
    for path in made.iterdir():
        with path.open("rb") as file:
            found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    (made / SUMS).write_text("".join(f"{found[name]}  {name}\n" for name in sorted(found)), encoding="utf-8")


def _place(made: Path, out: Path) -> None:
    made.chmod(0o755)
    if not out.exists():
        os.rename(made, out)
        return
    for path in sorted(made.iterdir(), key=lambda path: path.name == SUMS):
        os.replace(path, out / path.name)


