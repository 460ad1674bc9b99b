"""An adapter as a blob: equal weights give equal bytes, and whatever the lab did not write itself is refused."""

from __future__ import annotations

import io
import json
import struct
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirius_core.errors import CheckpointError
from sirius_core.models.adapters import CONFIG, MANIFEST, WEIGHTS, describe, pack, read, unpack

OVER = {"checkpoint": "tiny", "hash": "00ff"}
TARGETS = ["model.layers.0.self_attn.q_proj", "model.layers.0.mlp.up_proj"]


def weights(value: float = 1.0) -> bytes:
    """A safetensors file of one number."""
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    return struct.pack("<Q", len(header)) + header + struct.pack("<f", value)


def saved(folder: Path, value: float = 1.0, **changes: object) -> Path:
    """A folder as PEFT leaves it."""
    folder.mkdir(exist_ok=True, parents=True)
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 8, "lora_alpha": 32, "lora_dropout": 0.0,
              "bias": "none", "target_modules": TARGETS, "base_model_name_or_path": "/home/somebody/tiny",
              "peft_version": "0.21.2", "megatron_core": "megatron.core", "use_dora": False, **changes}
    (folder / CONFIG).write_text(json.dumps(config))
    (folder / WEIGHTS).write_bytes(weights(value))
    (folder / "README.md").write_text("left out")
    return folder


def tar(*members: tuple[str, bytes], **fields: object) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for field, value in fields.items():
                setattr(info, field, value)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


MANIFEST_JSON = json.dumps({"kind": "lora", "over": OVER}, separators=(",", ":")).encode()


def config_json(**changes: object) -> bytes:
    config = {"bias": "none", "lora_alpha": 32, "lora_dropout": 0.0, "peft_type": "LORA", "r": 8,
              "target_modules": sorted(TARGETS), "task_type": "CAUSAL_LM", **changes}
    return json.dumps(dict(sorted(config.items())), separators=(",", ":")).encode()


def test_equal_weights_give_equal_bytes_wherever_and_in_whatever_order_they_were_saved(tmp_path):
    one = pack(saved(tmp_path / "one"), OVER)
    other = pack(saved(tmp_path / "other", target_modules=TARGETS[::-1], base_model_name_or_path="C:\\tiny"), OVER)
    assert one == other == tar((MANIFEST, MANIFEST_JSON), (CONFIG, config_json()), (WEIGHTS, weights()))
    assert pack(saved(tmp_path / "more", 2.0), OVER) != one
    assert b"somebody" not in one


def test_an_adapter_comes_back_as_other_programs_read_it(tmp_path):
    blob = pack(saved(tmp_path / "saved"), OVER)
    unpack(blob, tmp_path / "back", tmp_path / "tiny")
    assert sorted(p.name for p in (tmp_path / "back").iterdir()) == [CONFIG, WEIGHTS]
    assert (tmp_path / "back" / WEIGHTS).read_bytes() == weights()
    assert json.loads((tmp_path / "back" / CONFIG).read_text()) == {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "bias": "none", "lora_dropout": 0.0, "r": 8, "lora_alpha": 32,
        "target_modules": sorted(TARGETS), "base_model_name_or_path": str(tmp_path / "tiny")}
    assert pack(tmp_path / "back", OVER) == blob


def test_blobs_of_a_local_checkpoint_are_told_apart(tmp_path):
    blob = pack(saved(tmp_path), OVER)
    assert describe(blob) == {"kind": "lora", "over": OVER, "rank": 8, "bytes": len(weights())}
    spoken = {"kind": "spoken", "over": OVER}
    assert describe(json.dumps(spoken).encode()) == spoken
    for other in (b"", b"{", b"[]", b'{"kind": "lora", "over": {}}', b'{"kind": "spoken", "over": 1}', b"\x93NUMPY"):
        with pytest.raises(CheckpointError):
            describe(other)


@pytest.mark.parametrize("blob", [
    tar(("../manifest.json", MANIFEST_JSON), (CONFIG, config_json()), (WEIGHTS, weights())),
    tar(("/tmp/manifest.json", MANIFEST_JSON), (CONFIG, config_json()), (WEIGHTS, weights())),
    tar((MANIFEST, MANIFEST_JSON), (CONFIG, config_json()), (WEIGHTS, weights()), ("../../run.py", b"import os")),
    tar((MANIFEST, MANIFEST_JSON), (CONFIG, config_json()), ("adapter_model.bin", b"\x80\x04cos\nsystem\n")),
    tar((CONFIG, config_json()), (MANIFEST, MANIFEST_JSON), (WEIGHTS, weights())),
    tar((MANIFEST, b""), (CONFIG, b""), (WEIGHTS, b""), type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    tar((MANIFEST, MANIFEST_JSON), (CONFIG, config_json()), (WEIGHTS, weights()), mtime=1),
    tar((MANIFEST, MANIFEST_JSON), (CONFIG, config_json()), (WEIGHTS, weights()), uname="root"),
    tar((MANIFEST, MANIFEST_JSON), (CONFIG, config_json(megatron_config={}, megatron_core="os")), (WEIGHTS, weights())),
    tar((MANIFEST, MANIFEST_JSON), (CONFIG, config_json(peft_type="IA3")), (WEIGHTS, weights())),
    tar((MANIFEST, MANIFEST_JSON), (CONFIG, config_json(target_modules="(a+)+$")), (WEIGHTS, weights())),
    tar((MANIFEST, MANIFEST_JSON), (CONFIG, config_json(target_modules=["(a+)+$"])), (WEIGHTS, weights())),
    tar((MANIFEST, MANIFEST_JSON), (CONFIG, config_json(r=10**9)), (WEIGHTS, weights())),
    tar((MANIFEST, MANIFEST_JSON), (CONFIG, config_json(r=True)), (WEIGHTS, weights())),
    tar((MANIFEST, b"[" * 100_000), (CONFIG, config_json()), (WEIGHTS, weights())),
    tar((MANIFEST, MANIFEST_JSON.replace(b"lora", b"pickle")), (CONFIG, config_json()), (WEIGHTS, weights())),
    tar((MANIFEST, b'{"kind":"lora","over":{"checkpoint":1}}'), (CONFIG, config_json()), (WEIGHTS, weights())),
], ids=lambda blob: "")
def test_an_archive_that_the_lab_did_not_write_is_refused_and_nothing_of_it_is_written(blob, tmp_path):
    with pytest.raises(CheckpointError):
        unpack(blob, tmp_path / "in" / "here")
    assert list(tmp_path.iterdir()) == []


def test_a_sparse_member_cannot_claim_to_be_larger_than_the_blob(tmp_path):
    blob = bytearray(pack(saved(tmp_path), OVER))
    blob[156:157] = tarfile.GNUTYPE_SPARSE
    blob[483:495] = b"77777777777\0"  # its real size, as GNU tar writes it
    blob[148:156] = b"        "
    blob[148:156] = b"%06o\0 " % sum(blob[:512])
    with pytest.raises(CheckpointError):
        read(bytes(blob))


@given(st.data())
def test_whatever_is_read_is_what_the_lab_would_have_written(data):
    good = tar((MANIFEST, MANIFEST_JSON), (CONFIG, config_json()), (WEIGHTS, weights()))
    used = 3 * 512 + 3 * 512  # three heads, three bodies; zeros follow
    blob = bytearray(good)
    for _ in range(data.draw(st.integers(1, 3))):
        blob[data.draw(st.integers(0, used - 1))] = data.draw(st.integers(0, 255))
    try:
        adapter = read(bytes(blob))
    except CheckpointError:
        return
    again = tar((MANIFEST, json.dumps({"kind": "lora", "over": dict(sorted(adapter.over.items()))},
                                      separators=(",", ":"), ensure_ascii=False).encode()),
                (CONFIG, config_json(r=adapter.rank, lora_alpha=adapter.alpha, target_modules=list(adapter.targets))),
                (WEIGHTS, adapter.weights))
    assert again == bytes(blob)


@given(st.binary(max_size=2000))
def test_any_bytes_are_described_or_refused(blob):
    try:
        assert describe(blob)["kind"] in ("spoken", "lora")
    except CheckpointError:
        pass
