"""Checkpoints: the same bytes for the same content, and an error for every kind of damage."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sirius_core.errors import CheckpointError
from sirius_core.pocket import checkpoint
from sirius_core.pocket.transformer import Shape, initialise

SMALL = Shape(7, width=6, layers=1, heads=2, hidden=5, context=4)
WEIGHTS = initialise(SMALL, 0)
MANIFEST = {"vocabulary": "abc", "book": {"seed": 3}, "note": "é"}
BLOB = checkpoint.dump(WEIGHTS, MANIFEST)


def sealed(members: dict[str, bytes]) -> bytes:
    """A well sealed file with any content."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.comment = b"0" * 64
    body = buffer.getvalue()[:-64]
    return body + hashlib.sha256(body).hexdigest().encode()


def members() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(BLOB)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_what_is_stored_comes_back_as_float32_of_its_halves() -> None:
    weights, manifest = checkpoint.load(BLOB)
    assert manifest == MANIFEST | {"shape": vars(SMALL)} and checkpoint.shape_of(manifest) == SMALL
    assert list(weights) == list(WEIGHTS)
    for name, array in weights.items():
        assert array.dtype == np.float32 and array.flags.writeable
        assert np.array_equal(array, WEIGHTS[name].astype(np.float16).astype(np.float32))


def test_the_same_content_gives_the_same_bytes() -> None:
    backwards = dict(reversed(WEIGHTS.items()))
    assert checkpoint.dump(backwards, dict(reversed(MANIFEST.items()))) == BLOB
    weights, manifest = checkpoint.load(BLOB)
    assert checkpoint.dump(weights, manifest) == BLOB
    assert checkpoint.digest(BLOB) == hashlib.sha256(BLOB).hexdigest()


def test_numpy_opens_it() -> None:
    with np.load(io.BytesIO(BLOB)) as archive:
        assert archive["head"].dtype == np.float16 and json.loads(archive["manifest.json"])["vocabulary"] == "abc"


@given(st.integers(0, len(BLOB) - 1), st.integers(1, 255))
@example(0, 1)
@example(len(BLOB) - 1, 32)
def test_any_changed_byte_is_found(place: int, mask: int) -> None:
    damaged = bytearray(BLOB)
    damaged[place] ^= mask
    with pytest.raises(CheckpointError):
        checkpoint.load(bytes(damaged))


@given(st.integers(0, len(BLOB) - 1))
def test_a_file_that_is_cut_short_is_found(length: int) -> None:
    with pytest.raises(CheckpointError):
        checkpoint.load(BLOB[:length])


@given(st.binary(max_size=300))
def test_bytes_that_are_no_checkpoint_are_refused(blob: bytes) -> None:
    for text in (blob, b"PK" + blob, BLOB + blob[:1] + b"x"):
        with pytest.raises(CheckpointError):
            checkpoint.load(text)


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"head.npy": npy(np.zeros((6, 6), "<f2"))}, "'head' is"),
        ({"head.npy": npy(np.zeros((6, 7), "<f4"))}, "float32, not float16"),
        ({"head.npy": npy(np.full((6, 7), np.nan, "<f2"))}, "not finite"),
        ({"head.npy": npy(np.array([{}]))}, "cannot be read|at most"),
        ({"head.npy": b"\0" * 10**6}, "at most"),
        ({"head.npy": b"nonsense"}, "cannot be read"),
        ({"manifest.json": b"[]"}, "JSON object"),
        ({"manifest.json": b"{"}, "cannot be read"),
        ({"manifest.json": b"{}"}, "no usable shape"),
        ({"manifest.json": b'{"shape": {"vocab": 7, "width": 7, "heads": 2}}'}, "no usable shape"),
        ({"manifest.json": b'{"shape": {"colour": 7}}'}, "no usable shape"),
        ({"manifest.json": b'{"shape": {"vocab": "7"}}'}, "no usable shape"),
    ],
)
def test_a_sealed_file_with_wrong_content_is_refused(change: dict[str, bytes], words: str) -> None:
    with pytest.raises(CheckpointError, match=words):
        checkpoint.load(sealed(members() | change))


def test_a_missing_array_is_refused() -> None:
    with pytest.raises(CheckpointError, match=r"head\.npy"):
        checkpoint.load(sealed({name: content for name, content in members().items() if name != "head.npy"}))


@pytest.mark.parametrize(
    ("weights", "manifest", "words"),
    [
        (WEIGHTS | {"head": WEIGHTS["head"] * np.float32(1e6)}, {}, "not finite"),
        (WEIGHTS | {"head": WEIGHTS["head"] * np.float32(np.nan)}, {}, "not finite"),
        (WEIGHTS | {"head": WEIGHTS["head"][:, 1:]}, {}, "'head' is"),
        (WEIGHTS | {"tail": WEIGHTS["head"]}, {}, "tail"),
        ({"head": WEIGHTS["head"]}, {}, "no pocket network"),
        (WEIGHTS, {"shape": {"vocab": 7}}, "the manifest says"),
    ],
)
def test_what_could_not_be_loaded_is_not_stored(weights: dict, manifest: dict, words: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(CheckpointError, match=words):
        checkpoint.dump(weights, manifest)


def test_the_default_network_fits_in_seven_hundred_kilobytes() -> None:
    assert len(checkpoint.dump(initialise(Shape(200), 0), {})) < 700_000
