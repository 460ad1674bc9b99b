"""What goes out of a library: three formats, each line with its provenance, whole folders, nothing that must stay."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from actors import ActingMachine, act

from sirius_core import export, review
from sirius_core.__main__ import main
from sirius_core.errors import UnknownName, UsageError, WaitingForReview
from sirius_core.improve import Run, improve
from sirius_core.pocket.vocabulary import encode
from sirius_core.store import Store
from sirius_core.trajectories import digest


@pytest.fixture(scope="module")
def db(tmp_path_factory) -> Path:
    """A reviewed round: one repair accepted, one that was not mended edited, known-bad ones let through."""
    path = tmp_path_factory.mktemp("export") / "lab.db"
    with Store(path) as store:
        e = act(store, review="true", controls=0, planted=0.5, blind=0, draws=8, max_repairs=400, rounds=1)
        run = Run(store, e, ActingMachine(e))
        mended = next(r for r in store.repairs.find(e.id, 1) if r.mended)
        review.decide(store, mended.id, "accept", "ann", seconds=2.5)
        tries = {t.task: t for t in store.episodes.find(e.id, round=1, phase="propose") if t.right}
        wrong = [r for r in store.repairs.find(e.id, 1) if not r.mended and r.turn == 0 and r.task in tries]
        store.repairs.add(e.id, 1, "repair", [  # one rewrite repeated the failure, this one is wrong in another way
            replace(wrong[1], id="other", critique_no=1, rephrased="x + y : 4 + 5")])
        for author, repair in (("ben", wrong[0]), ("cat", store.repairs.get("other"))):
            tried = review.try_edit(store, repair.id, tries[repair.task].turns[0].text, team=run.recipe.team,
                                    judge=run.recipe.judge, voices=run.voices(run.models_after(0)), check=encode)
            review.decide(store, repair.id, "edit", author, edited=tried, reason="unclear")
        planted = [item for item in review.items(store, e.id, 1) if item.planted]
        for item in planted:
            review.decide(store, item.id, "accept", "ann")
        assert planted
        review.go_on(store, e.id, 1)
        with suppress(WaitingForReview):
            improve(run)
    return path


E = "tiny-0-1"


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def chat(messages, reply):
    return [*({"role": m.role, "content": m.content} for m in messages), {"role": "assistant", "content": reply}]


@pytest.mark.parametrize("format", ["openai", "trl"])
def test_line_i_of_the_provenance_explains_line_i(db, tmp_path, format):
    with Store(db) as store:
        files = export.folder(store, E, 1, tmp_path / "out", format)
        sets = {s["model"]: s for s in store.weights.training_sets(E, 1)}
        assert {f.model: (f.examples, f.left_out, f.training_set) for f in files} == {
            model: (s["n"], 0, s["hash"]) for model, s in sets.items()}
        for f in files:
            data, beside = read(f.path), read(f.provenance)
            raw = f.path.read_text("utf-8").splitlines()
            places = store.weights.examples_of(sets[f.model]["id"])
            assert len(data) == len(beside) == len(places)
            for i, ((trajectory, turn), line, origin) in enumerate(zip(places, data, beside, strict=True)):
                found = store.episodes.get(trajectory)
                said = found.turns[turn]
                assert line == {"messages": chat(said.messages, said.text)}
                row = store.db.row("SELECT * FROM v_provenance WHERE training_set = ? AND position = ?",
                                   sets[f.model]["id"], i)
                assert origin == {
                    "line": i, "experiment": E, "round": 1, "model": f.model, "training_set": f.training_set,
                    "position": i, "trajectory": trajectory, "turn": turn, "source": row["source"], "weight": 1.0,
                    "content": digest(said.messages, said.text), "task": found.task, "parent": found.parent,
                    "repair": row["repair"], "critic": row["critic"], "mend": row["mend"], "decision": row["verdict"],
                    "author": row["author"], "reason": row["reason"], "hash_before": row["hash_before"],
                    "hash_after": row["hash_after"], "checkpoint": row["checkpoint"], "request": said.request,
                    "trajectory_content": found.content, "speaker": said.model,
                    "sha256": hashlib.sha256(raw[i].encode()).hexdigest()}


def test_preferences_are_repair_over_failure_and_edit_over_both_once_each(db, tmp_path):
    with Store(db) as store:
        files = export.folder(store, E, 1, tmp_path / "out", "preferences")
        decisions = {d.author: d for d in store.repairs.decisions(E, 1).values()}
        expected: dict[str, list] = {f.model: [] for f in files}
        for author, chosen in (("ann", "repair"), ("ben", "edit"), ("cat", "edit")):
            repair = store.repairs.get(decisions[author].repair)
            failed, replay = store.episodes.get(repair.failed), store.episodes.get(decisions[author].replay)
            for rejected, worse in (("failure", failed.turns[repair.turn].text), ("repair", repair.rephrased)):
                if chosen == rejected or (author, rejected) == ("ben", "repair"):  # equal to the pair before
                    continue
                pair = {"prompt": chat(failed.turns[repair.turn].messages, "")[:-1],
                        "chosen": [{"role": "assistant", "content": replay.turns[repair.turn].text}],
                        "rejected": [{"role": "assistant", "content": worse}]}
                expected[repair.role].append((chosen, rejected, repair.id, author, pair))
        found = {f.model: [(o["chosen"], o["rejected"], o["repair"], o["author"], line) for line, o in
                           zip(read(f.path), read(f.provenance), strict=True)] for f in files}
        assert {m: sorted(rows, key=str) for m, rows in found.items()} == {
            m: sorted(rows, key=str) for m, rows in expected.items()}
        assert sum(map(len, found.values())) == 4


def test_planted_repairs_never_go_out(db, tmp_path):
    with Store(db) as store:
        bad = {row[0] for row in store.db.rows("SELECT text FROM planted")}
        good = {row[0] for row in store.db.rows("SELECT text FROM turn")}
        for format in export.FORMATS:
            export.folder(store, E, 1, tmp_path / "out", format)
    said = "".join(path.read_text("utf-8") for path in (tmp_path / "out").iterdir())
    assert bad - good and not [text for text in bad - good if json.dumps(text) in said]


def test_checksums_cover_every_file_and_the_next_export_adds_to_them(db, tmp_path):
    out = tmp_path / "out"
    with Store(db) as store:
        export.folder(store, E, 1, out)
        before = {p.name for p in out.iterdir()}
        export.folder(store, E, 1, out, "preferences")
    assert before == {"SHA256SUMS", *(f"round1.{m}{kind}.jsonl" for m in ("analyst", "calculator", "summarizer")
                                      for kind in ("", ".provenance"))}
    sums = dict(reversed(line.split("  ")) for line in (out / "SHA256SUMS").read_text().splitlines())
    assert sums == {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in out.iterdir()
                    if p.name != "SHA256SUMS"} and len(sums) == 12
    assert [p.name for p in tmp_path.iterdir()] == ["out"]  # nothing half made is left


def test_a_folder_that_cannot_be_finished_is_not_there(db, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export, "_sums", full)
    with Store(db) as store, pytest.raises(UsageError, match="No space left on device"):
        export.folder(store, E, 1, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_archive_holds_the_same_files_and_the_same_library_makes_the_same_bytes(db, tmp_path):
    with Store(db) as store:
        export.folder(store, E, 1, tmp_path / "out", "trl", "analyst")
        made = export.zipped(store, E, 1, "trl", "analyst")
        assert made == export.zipped(store, E, 1, "trl", "analyst")
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()}


def test_what_the_licence_keeps_in_is_counted_and_nowhere_said(db, tmp_path):
    copy = tmp_path / "lab.db"
    with Store(db) as store:
        store.db.run("VACUUM INTO ?", str(copy))
    with Store(copy) as store:
        chosen = store.weights.training_sets(E, 1)[0]
        task = store.episodes.task(store.episodes.get(store.weights.examples_of(chosen["id"])[0][0]).task)
        store.db.run("UPDATE task SET data = json_set(data, '$.restricted', json('true')) WHERE id = ?", task.id)
        for format in export.FORMATS:
            files = {f.model: f for f in export.folder(store, E, 1, tmp_path / "out", format)}
            assert export.counted(store, E, chosen, format) == (
                files[chosen["model"]].examples, files[chosen["model"]].left_out)
        left_out = sum(f.left_out for f in export.folder(store, E, 1, tmp_path / "out"))
        assert left_out == store.db.value(
            "SELECT count(*) FROM v_provenance WHERE task = ? AND round = 1", task.id) > 0
    said = "".join(path.read_text("utf-8") for path in (tmp_path / "out").iterdir())
    assert task.question not in said and task.id not in said


def test_no_address_and_no_path_of_this_machine_goes_out():
    assert export.speaker("http://127.0.0.1:8000/v1 some/model-7b") == "some/model-7b"
    assert export.speaker("/home/ann/checkpoints/tiny") == ""
    assert export.speaker("ab12" * 16) == "ab12" * 16


def test_the_command_names_format_role_and_folder(db, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["export", E, "--out", str(out), "--db", str(db)]
    assert main([*words, "--model", "analyst", "--format", "preferences", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    path = out / "round1.analyst.preferences.jsonl"
    with Store(db) as store:
        content = next(s["hash"] for s in store.weights.training_sets(E, 1) if s["model"] == "analyst")
    assert said == {"experiment": E, "round": 1, "format": "preferences", "files": [
        {"file": str(path), "model": "analyst", "examples": len(read(path)), "left_out": 0, "training_set": content,
         "provenance": str(out / "round1.analyst.preferences.provenance.jsonl")}]}
    assert main([*words, "--model", "analist"]) == 2
    assert "did you mean 'analyst'" in capsys.readouterr().err.lower()
    with Store(db) as store:
        with pytest.raises(UnknownName):
            export.folder(store, E, 1, out, "parquet")
        with pytest.raises(UsageError, match="no training set in round 4"):
            export.folder(store, E, 4, out)


# -- in the tools that they are for ----------------------------------------------------------------------------------
def test_the_files_load_in_datasets_unchanged(db, tmp_path, monkeypatch):
    pytest.importorskip("datasets", reason="make trl installs it")
    from datasets import load_dataset

    from sirius_core.models.hugging_face import offline

    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    for format in export.FORMATS:
        with Store(db) as store:
            files = export.folder(store, E, 1, tmp_path / "out", format)
        for path in [*(f.path for f in files if f.examples), *(f.provenance for f in files if f.examples)]:
            with offline():
                loaded = load_dataset("json", data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"))
            assert list(loaded) == read(path)


@pytest.mark.slow
def test_trl_trains_on_the_files_unchanged(db, tmp_path, monkeypatch):
    """One step each of SFTTrainer and DPOTrainer, whose own code reads the columns and applies the chat template."""
    for name in ("torch", "trl", "datasets"):
        pytest.importorskip(name, reason="make trl installs it")
    from datasets import load_dataset
    from tiny_llama import TURNS, make
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

    from sirius_core.models.hugging_face import offline

    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    folder = make(tmp_path / "tiny", TURNS.replace("{{ m['content'] }}<|end|>", "{% if m['role'] == 'assistant' %}"
                  "{% generation %}{{ m['content'] }}<|end|>{% endgeneration %}{% else %}{{ m['content'] }}<|end|>"
                  "{% endif %}"))
    common = {"max_steps": 1, "per_device_train_batch_size": 2, "report_to": [], "disable_tqdm": True, "bf16": False,
              "use_cpu": True, "save_strategy": "no", "logging_steps": 1}
    with Store(db) as store:
        sft, = export.folder(store, E, 1, tmp_path / "out", "trl", "analyst")
        pairs, = export.folder(store, E, 1, tmp_path / "out", "preferences", "analyst")
    with offline():
        tokenizer = AutoTokenizer.from_pretrained(folder)

        def loaded(file):
            return load_dataset("json", data_files=str(file.path), split="train", cache_dir=str(tmp_path / "cache"))

        one = SFTTrainer(AutoModelForCausalLM.from_pretrained(folder), train_dataset=loaded(sft),
                         processing_class=tokenizer, args=SFTConfig(
                             str(tmp_path / "sft"), assistant_only_loss=True, gradient_checkpointing=False, **common))
        two = DPOTrainer(AutoModelForCausalLM.from_pretrained(folder), train_dataset=loaded(pairs),
                         processing_class=tokenizer, args=DPOConfig(
                             str(tmp_path / "dpo"), gradient_checkpointing=False, **common))
        for trainer in (one, two):
            assert trainer.train().global_step == 1
    row = one.train_dataset[0]
    learned = [token for token in row["labels"] if token >= 0]
    assert tokenizer.decode(learned) == read(sft.path)[0]["messages"][-1]["content"] + "<|end|>"
