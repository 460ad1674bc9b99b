"""A tiny random Llama, made here, learns from an exported library: the loss falls, only the reply counts, the adapters
load back and answer, and nothing is fetched or left behind. How it speaks is tested in test_trl_speaks.py."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from random import Random

import pytest
from tiny_llama import END, START, TURNS, answers, make

from sirius_core import jobs
from sirius_core.episodes import play
from sirius_core.errors import CheckpointError, ModelError, SiriusError, UsageError
from sirius_core.finetune import Tuned, TuneJob
from sirius_core.finetune.spoken import Spoken
from sirius_core.finetune.trl import IGNORED, TrlMachine, TrlTuner, labelled
from sirius_core.models import Sampling, ScriptedModel, Voices
from sirius_core.models.adapters import describe
from sirius_core.models.hugging_face import Checkpoint
from sirius_core.models.local import LocalEngine
from sirius_core.prompts import Message
from sirius_core.settings import Settings, preset
from sirius_core.store import Store
from sirius_core.teams import Team, roles
from sirius_core.training import Example, Library, by_frequency, per_model, to_jsonl
from sirius_core.trajectories import Outcome, Reward, SeedPath, Task, Trajectory, Turn

pytestmark = pytest.mark.skipif(find_spec("trl") is None, reason="the trl extra is not installed")

WORDS = {"red": ("colour", "rouge"), "two": ("number", "deux"), "cat": ("animal", "un chat"), "six": ("number", "six!")}
HOW = {"epochs": 100, "rate": 4e-3, "batch": 8}


async def translate(task, ask):
    kind = await ask("sorter", question=task.question)
    return await ask("translator", question=task.question, kind=kind)


TEAM = Team("translators", roles({
    ("sorter", "answer"): "[system]\nWhat is it?\n[user]\n{{question}}",
    ("translator", "answer"): "[user]\n{{question}}, a {{kind}}",
}), translate)


def say(messages: list[Message], sampling: Sampling) -> str:
    kind, french = WORDS[messages[-1].content.split(",")[0]]
    return french if ", a " in messages[-1].content else kind


@pytest.fixture(scope="module")
def library() -> dict[str, list[Example]]:
    """What a team that knows its French has earned, by role."""
    def one(word: str) -> Trajectory:
        task, path = Task(word, "test", "train", word, WORDS[word][1]), SeedPath("e", 0, 1, "propose", word)
        played = asyncio.run(play(TEAM, task, Voices({"*": ScriptedModel(say)}), path))
        return replace(played, reward=Reward(float(played.outcome.answer == task.answer)))

    chosen = by_frequency(Library(tuple(map(one, WORDS))), 1, Random(0))
    return {role: examples for role, examples in per_model(chosen, lambda turn: turn.role).items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return make(tmp_path_factory.mktemp("checkpoints") / "tiny")


@pytest.fixture(scope="module")
def machine(folder, tmp_path_factory):
    settings = Settings(checkpoint=str(folder), update="trl", lora_rank=8)
    machine = TrlMachine(settings, tmp_path_factory.mktemp("db") / "never made")
    yield machine
    machine.close()


@pytest.fixture(scope="module")
def tuned(machine, library) -> dict[str, Tuned]:
    """An adapter for each role, and every step that was heard."""
    jobs = [job(machine, role, examples) for role, examples in library.items()]
    heard: list[tuple[str, int, int, float]] = []
    found = dict(zip(library, machine.tune(jobs, lambda *step: heard.append(step)), strict=True))
    assert heard == [(role, i + 1, 100, loss) for role in library for i, loss in enumerate(found[role].losses)]
    return found


def job(machine: TrlMachine, role: str, examples: list[Example], blob: bytes = b"", seed: int = 3, **how) -> TuneJob:
    return TuneJob(role, "before", blob or machine.base(), tuple(examples), {**HOW, **how}, seed)


def example(reply: str = "rouge", weight: float = 1.0, ask: str = "red") -> Example:
    turn = Turn("translator", "answer", None, (Message("user", ask),), {}, reply, "r")
    return Example(Trajectory(SeedPath("e", 0, 1, "propose", "t"), "team", (turn,), Outcome(reply)), 0, weight)


def silent(*step: object) -> None:
    pass


# -- learning --------------------------------------------------------------------------------------------------------
@pytest.mark.slow
def test_the_loss_falls_and_each_roles_adapter_loads_back_and_answers_as_it_was_taught(machine, library, tuned):
    greedy = Sampling(0.0, 24)
    for role, examples in library.items():
        asked, replies = [e.said.messages for e in examples], [e.said.text for e in examples]
        losses = tuned[role].losses
        assert losses[0] > 4 and losses[-1] < 1 and min(losses[-10:]) < min(losses[:10]) / 4
        assert tuned[role].tokens == 100 * sum(len(row["input_ids"]) for row in labelled(machine.checkpoint, examples))
        said = answers(machine.model(role, tuned[role].blob), asked, greedy)
        assert [(c.text, c.finish, c.tokens_out) for c in said] == [(r, "stop", len(r) + 1) for r in replies]
        base = answers(machine.model("base", machine.base()), asked, greedy)
        assert all(c.text != r for c, r in zip(base, replies, strict=True))
    kinds = {role: describe(t.blob) for role, t in tuned.items()}
    assert kinds["sorter"] == {"kind": "lora", "over": machine.checkpoint.over, "rank": 8,
                               "bytes": kinds["translator"]["bytes"]}
    assert tuned["sorter"].blob != tuned["translator"].blob


@pytest.mark.slow
def test_an_adapter_is_learned_on_from_where_it_stood(machine, library, tuned):
    before = tuned["sorter"]
    [after] = machine.tune([job(machine, "sorter", library["sorter"], before.blob, epochs=20, rate=2e-3)], silent)
    assert after.losses[0] < before.losses[0] / 4 and after.losses[-1] < before.losses[-1]
    assert describe(after.blob) == describe(before.blob) and after.blob != before.blob
    asked = [e.said.messages for e in library["sorter"]]
    assert [c.text for c in answers(machine.model("after", after.blob), asked, Sampling(0.0, 24))] == [
        e.said.text for e in library["sorter"]]


def test_equal_jobs_give_equal_bytes_and_the_seed_matters(machine, library):
    jobs = [job(machine, "sorter", library["sorter"], epochs=2, batch=2, seed=seed) for seed in (3, 3, 4)]
    one, same, other = (t.blob for t in machine.tune(jobs, silent))
    assert one == same != other


def test_an_exact_number_of_steps_is_taken_however_many_epochs_they_make(machine, library):
    [made] = machine.tune([job(machine, "sorter", library["sorter"], epochs=2, batch=2, steps=3)], silent)
    rows = labelled(machine.checkpoint, library["sorter"])
    epoch = -(-len(rows) // 2)
    assert (made.steps, len(made.losses), epoch) == (3, 3, 2)
    assert made.tokens == sum(len(row["input_ids"]) for row in rows) * 3 // 2


def test_a_batch_too_large_for_memory_is_added_up_to_the_same_step(folder, library):
    checkpoint, examples = Checkpoint(folder), library["sorter"] * 2
    work = TuneJob("sorter", "b", TrlMachine(Settings(checkpoint=str(folder)), folder).base(), tuple(examples),
                   {"epochs": 1, "rate": 1e-3, "batch": 8}, 0)
    [whole] = TrlTuner(checkpoint, rank=4, micro=8)([work], silent)
    [parts] = TrlTuner(checkpoint, rank=4, micro=2)([work], silent)
    assert whole.losses == pytest.approx(parts.losses, rel=1e-4) and whole.steps == parts.steps == 1


def test_a_whole_weight_repeats_an_example_and_another_weight_is_refused(machine):
    twice = labelled(machine.checkpoint, [example(weight=2.0), example("vert", 0.0), example("bleu")])
    assert twice == labelled(machine.checkpoint, [example(), example(), example("bleu")])
    for weight in (0.5, -1.0):
        with pytest.raises(UsageError, match=rf"turn 0 of trajectory {example().trajectory.id} has weight {weight:g}"):
            labelled(machine.checkpoint, [example(weight=weight)])
    [nothing] = machine.tune([job(machine, "sorter", [example(weight=0.0)])], silent)
    assert nothing == Tuned(machine.base(), (), 0, 0, 0.0)


def test_an_example_that_does_not_fit_is_named_instead_of_cut(machine):
    long = example("x" * 300)
    with pytest.raises(UsageError, match=f"turn 0 of trajectory {long.trajectory.id} takes 323 tokens, but tiny looks"):
        machine.tune([job(machine, "translator", [long])], silent)


def test_whoever_stops_a_training_gets_his_own_error_and_nothing_stays_behind(machine, library, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    class Stop(Exception):
        pass

    def stop(model: str, step: int, steps: int, loss: float) -> None:
        if step == 2:
            raise Stop(f"{model} at {step} of {steps}")

    with pytest.raises(Stop, match="sorter at 2 of 3"):
        machine.tune([job(machine, "sorter", library["sorter"], epochs=3)], stop)
    with pytest.raises(SiriusError, match="sorter diverged at step 3; start again with a lower rate"):
        machine.tune([job(machine, "sorter", library["sorter"], epochs=8, rate=1e30)], silent)
    assert list(tmp_path.iterdir()) == []
    [again] = machine.tune([job(machine, "sorter", library["sorter"], epochs=1)], silent)
    assert again.steps == 1


@pytest.mark.slow
def test_a_merged_checkpoint_says_what_its_adapter_says(machine, library, tuned, tmp_path):
    machine.checkpoint.merge(tuned["sorter"].blob, tmp_path / "merged")
    engine = LocalEngine(Checkpoint(tmp_path / "merged"))
    try:
        asked = [e.said.messages for e in library["sorter"]]
        assert [c.text for c in answers(engine.model("merged"), asked, Sampling(0.0, 24))] == [
            e.said.text for e in library["sorter"]]
    finally:
        engine.close()


def test_more_adapters_than_fit_in_memory_take_turns(folder, library, monkeypatch):
    monkeypatch.setattr("sirius_core.models.local.MOST_ADAPTERS", 2)
    machine = TrlMachine(Settings(checkpoint=str(folder), lora_rank=2), folder)
    try:
        jobs = [job(machine, "sorter", library["sorter"], epochs=1, seed=seed) for seed in range(3)]
        blobs = [t.blob for t in machine.tune(jobs, silent)]
        ask = [library["sorter"][0].said.messages]
        models = [machine.model(f"adapter{i}", blob) for i, blob in enumerate(blobs)]
        first, again = ([answers(model, ask, Sampling(1.0, 8, 7))[0].text for model in models] for _ in range(2))
        assert first == again
    finally:
        machine.close()


@pytest.mark.slow
def test_a_whole_experiment_on_a_local_checkpoint_ends_with_an_adapter_for_each_role_that_spoke(tmp_path):
    """The placebo learns from whatever was said, so a model that knows nothing has something to learn."""
    folder = make(tmp_path / "wide", context=4096)
    small = {"recipe": "placebo", "update": "trl", "checkpoint": str(folder), "rounds": 1, "problems": 4,
             "max_solutions": 1, "validation": 1, "heldout": 1, "new_wordings": 0, "withheld_forms": 0, "controls": 0,
             "reply_tokens": 4, "lora_rank": 2, "epochs": 1, "gate": False, "deadline": 600}
    with Store(tmp_path / "lab.db") as store:
        experiment = jobs.create(store, "local", preset("tiny", small), 0)
    assert jobs.run(tmp_path / "lab.db", experiment.id).status == "done"
    with Store(tmp_path / "lab.db") as store:
        models, _ = store.weights.models(experiment.id, 1)
        updates = store.weights.updates(experiment.id, 1)
        assert store.weights.get(models["*"]) == Spoken(Checkpoint(folder).over).blob()
        assert [(u.model, u.before, u.after, u.steps) for u in updates] == [
            (role, models["*"], after, 1) for role, after in sorted(models.items()) if role != "*"]
        kinds = [describe(store.weights.get(u.after)) for u in updates]
        assert kinds and all((k["kind"], k["over"]) == ("lora", Checkpoint(folder).over) for k in kinds)
    assert not (tmp_path / "lab.db.adapters").exists()


# -- what counts -----------------------------------------------------------------------------------------------------
def parts(checkpoint: Checkpoint, row: dict[str, list[int]]) -> tuple[str, str]:
    """(what is read, what is learned) of a row, as texts; labels repeat the ids wherever they count."""
    assert all(label in (IGNORED, token) for token, label in zip(row["input_ids"], row["labels"], strict=True))
    flags = [label != IGNORED for label in row["labels"]]
    assert flags == sorted(flags)  # first what is read, then what is learned
    cut = flags.index(True)
    return checkpoint.tokenizer.decode(row["input_ids"][:cut]), checkpoint.tokenizer.decode(row["input_ids"][cut:])


def test_the_mask_covers_the_reply_and_its_end_only(machine, library):
    rows = {role: [parts(machine.checkpoint, row) for row in labelled(machine.checkpoint, examples)]
            for role, examples in library.items()}
    words = sorted(WORDS)
    assert sorted(rows["sorter"]) == sorted(
        (f"{START}system\nWhat is it?{END}\n{START}user\n{w}{END}\n{START}assistant\n", f"{WORDS[w][0]}{END}")
        for w in words)
    assert sorted(rows["translator"]) == sorted(
        (f"{START}user\n{w}, a {WORDS[w][0]}{END}\n{START}assistant\n", f"{WORDS[w][1]}{END}") for w in words)


TEMPLATES = {
    "with generation tags": (
        "{% for m in messages %}{% if m['role'] == 'assistant' %}<|start|>assistant\n{% generation %}{{ m['content'] }}"
        "<|end|>{% endgeneration %}\n{% else %}<|start|>{{ m['role'] }}\n{{ m['content'] }}<|end|>\n{% endif %}"
        "{% endfor %}{% if add_generation_prompt %}<|start|>assistant\n{% endif %}",
        f"{START}user\nred{END}\n{START}assistant\n", f" rouge \n{END}"),
    "that trims": (
        "{% for m in messages %}{% if m['role'] == 'user' %}[INST] {{ m['content'] | trim }} [/INST]{% else %}"
        "{{ ' ' + m['content'] | trim + ' ' + eos_token }}{% endif %}{% endfor %}",
        "[INST] red [/INST]", f" rouge {END}"),
    "that ends with no token": (
        "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
        "{% if add_generation_prompt %}assistant: {% endif %}",
        "user: red\nassistant: ", f" rouge \n\n{END}"),
    "that thinks": (
        "{% for m in messages %}<|start|>{{ m['role'] }}\n{% if m['role'] == 'assistant' %}<think>\n\n</think>\n\n"
        "{% endif %}{{ m['content'] }}<|end|>\n{% endfor %}{% if add_generation_prompt %}<|start|>assistant\n"
        "{% endif %}",
        f"{START}user\nred{END}\n{START}assistant\n", f"<think>\n\n</think>\n\n rouge \n{END}"),
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_mask_covers_the_reply_for_a_template(name, tmp_path):
    template, read, learned = TEMPLATES[name]
    checkpoint = Checkpoint(make(tmp_path / "other", template))
    [row] = labelled(checkpoint, [example(" rouge \n")])
    assert parts(checkpoint, row) == (read, learned)
    assert row["input_ids"][: row["labels"].count(IGNORED)] == checkpoint.prompt([Message("user", "red")])


@pytest.mark.parametrize("template", [
    TURNS.replace("<|start|>assistant\n{% endif %}", "<|start|>assistant\n<think>\n{% endif %}"),  # asks otherwise
    TURNS.replace("{{ m['content'] }}", "{{ m['content'] if m['role'] == 'user' else '...' }}"),  # loses the reply
])
def test_a_template_that_asks_in_other_words_than_it_records_is_refused(template, tmp_path):
    checkpoint = Checkpoint(make(tmp_path / "odd", template))
    with pytest.raises(CheckpointError, match="the chat template of odd writes a request differently once it is"):
        labelled(checkpoint, [example()])


def test_trl_itself_reads_the_exported_library_in_the_same_way(machine, library, folder, tmp_path):
    """The JSONL that a person downloads, in TRL's own conversational format and with its own masks."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    from sirius_core.models.hugging_face import offline

    lines = [json.loads(line)["messages"] for line in to_jsonl(library["sorter"])]
    with offline():
        trainer = SFTTrainer(
            machine.checkpoint.load(),
            SFTConfig(str(tmp_path), max_length=None, completion_only_loss=True, report_to=[], disable_tqdm=True,
                      bf16=False, use_cpu=True, activation_checkpointing=False),
            train_dataset=Dataset.from_list([{"prompt": said[:-1], "completion": said[-1:]} for said in lines]),
            processing_class=machine.checkpoint.tokenizer)
    ours = labelled(machine.checkpoint, library["sorter"])
    newline = machine.checkpoint.tokenizer("\n")["input_ids"]
    assert [{k: row[k] for k in ("input_ids", "labels")} for row in trainer.train_dataset] == [
        {name: ids + newline for name, ids in row.items()} for row in ours]  # TRL learns what follows the end, too


# -- what is refused -------------------------------------------------------------------------------------------------
def test_a_folder_that_is_no_checkpoint_is_named(tmp_path, folder):
    with pytest.raises(UsageError, match=r"it has no config\.json"):
        Checkpoint(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UsageError, match="it has no weights"):
        Checkpoint(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80")
    with pytest.raises(UsageError, match=r"its weights are pickles .*convert them to safetensors"):
        Checkpoint(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(CheckpointError, match=r"the tokenizer of .* cannot be read"):
        Checkpoint(tmp_path).prompt([])
    with pytest.raises(CheckpointError):
        Checkpoint(tmp_path).load()
    with pytest.raises(UsageError, match="has no chat template"):
        Checkpoint(make(tmp_path / "mute", None)).prompt([Message("user", "red")])
    with pytest.raises(UsageError, match="--set checkpoint=FOLDER"):
        TrlMachine(Settings(update="trl"), tmp_path)
    with pytest.raises(UsageError, match="needs --base-url and --model"):
        TrlMachine(Settings(update="trl", checkpoint=str(folder), model="tiny"), tmp_path)


def test_a_template_that_refuses_a_request_is_one_line(tmp_path):
    template = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + TURNS
    checkpoint = Checkpoint(make(tmp_path / "strict", template))
    with pytest.raises(ModelError, match="the chat template of strict refuses a request: no system role"):
        checkpoint.prompt([Message("system", "Be brief."), Message("user", "red")])


def test_an_adapter_of_another_checkpoint_or_with_other_weights_is_refused(machine, tuned, folder, tmp_path):
    from safetensors.torch import load, save

    other = TrlMachine(Settings(checkpoint=str(make(tmp_path / "other", seed=1))), tmp_path)
    with pytest.raises(CheckpointError, match=r"this was trained over tiny \(.*\); setting checkpoint leads to other"):
        other.model("x", tuned["sorter"].blob)
    with pytest.raises(CheckpointError, match="this was trained over"):
        other.model("x", machine.base())
    from sirius_core.models import adapters

    adapter = adapters.read(tuned["sorter"].blob)
    weights = load(adapter.weights)
    name = sorted(weights)[0]
    for changed in ({**weights, "more": weights[name].clone()}, {k: v for k, v in weights.items() if k != name},
                    {**weights, name: weights[name][:1].clone()}):
        blob = adapters._tar(replace(adapter, weights=save(changed)))
        with pytest.raises(CheckpointError, match="an adapter does not fit tiny"):
            answers(machine.model(f"bad{len(changed)}{blob[-1]}", blob), [(Message("user", "red"),)], Sampling())
    machine.engine.release()


# -- no network, no files --------------------------------------------------------------------------------------------
WATCHED = """
import sys
calls = []
sys.addaudithook(lambda name, args: calls.append((name, str(args[:2]))) if name.startswith("socket.") and name in (
    "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto") else None)
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/tests"]
from test_trl import TrlMachine, Settings, Sampling, Message, answers, example, job, silent
from pathlib import Path
machine = TrlMachine(Settings(checkpoint=sys.argv[2], lora_rank=2), Path("adapters"))
[tuned] = machine.tune([job(machine, "translator", [example()], epochs=1)], silent)
print(answers(machine.model("adapter", tuned.blob), [(Message("user", "red"),)], Sampling(0.0, 4))[0].finish)
machine.close()
print(calls)
"""


@pytest.mark.slow
def test_nothing_is_fetched_reported_or_left_on_the_disk(folder, tmp_path):
    home, work, temporary = (tmp_path / name for name in ("home", "work", "tmp"))
    for made in (home, work, temporary):
        made.mkdir()
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "OMP_NUM_THREADS")}
    root = Path(__file__).resolve().parents[1]
    before = sorted(p.name for p in folder.iterdir())
    done = subprocess.run(
        [sys.executable, "-B", "-c", WATCHED, str(root), str(folder)], cwd=work, capture_output=True, text=True,
        env={**kept, "HOME": str(home), "TMPDIR": str(temporary)}, timeout=300)
    assert (done.stdout, done.stderr, done.returncode) == ("length\n[]\n", "", 0)
    # torch makes itself an empty folder for compiled code
    left = [path.name for made in (home, work, temporary) for path in made.rglob("*")]
    assert [name for name in left if not name.startswith("torchinductor_")] == []
    assert sorted(p.name for p in folder.iterdir()) == before
