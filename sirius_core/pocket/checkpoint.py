"""Weights to bytes and back: an .npz file of float16 arrays with its manifest, which `numpy.load` opens as well.

The same weights and manifest give the same bytes on one machine: no clock, fixed order. The archive's comment is the
SHA-256 of everything before it, so that one changed bit anywhere is found. The name of a checkpoint is the hash of
the whole file: `digest`.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from sirius_core.errors import CheckpointError
from sirius_core.pocket.transformer import Shape, Weights

MANIFEST = "manifest.json"
_SEAL = 64  # hexadecimal digits
_SLACK = 256  # bytes of an .npy header, at most
_LIMIT = 2**20  # bytes of a manifest, at most


def digest(blob: bytes) -> str:
    """SHA-256 of the file, in hexadecimal: the checkpoint's name."""
    return hashlib.sha256(blob).hexdigest()


def shape_of(manifest: Mapping[str, Any]) -> Shape:
    """The network's sizes from a manifest; CheckpointError when they are missing or impossible."""
    try:
        return Shape(**manifest["shape"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"the manifest of a checkpoint names no usable shape: {error}") from None


def _measured(weights: Weights) -> Shape:
    """The sizes that the arrays themselves show."""
    try:
        vocab, width = weights["token"].shape
        layers = sum(name.startswith("query") for name in weights)
        hidden = weights["up0"].shape[1]
        heads = 2 * width // weights["keyvalue0"].shape[1]
        shape = Shape(vocab, width, layers, heads, hidden, len(weights["position"]))
    except (KeyError, ValueError, ZeroDivisionError) as error:
        raise CheckpointError(f"these arrays are no pocket network: {error}") from None
    _check(weights, shape)
    return shape


def _check(weights: Weights, shape: Shape) -> None:
    sizes = shape.arrays()
    if weights.keys() != sizes.keys():
        raise CheckpointError(f"arrays that fit no network of {shape}: {sorted(weights.keys() ^ sizes.keys())}")
    for name, array in weights.items():
        if array.shape != sizes[name]:
            raise CheckpointError(f"array {name!r} is {array.shape}, but {shape} needs {sizes[name]}")
        if not np.isfinite(array).all():
            raise CheckpointError(f"array {name!r} holds numbers that are not finite")


def dump(weights: Weights, manifest: Mapping[str, Any]) -> bytes:
    """The file. The manifest is stored as given (JSON values only), with the network's `shape` added.

    CheckpointError for arrays that are no network, a manifest with another shape, or numbers beyond float16.
    """
    shape = _measured(weights)
    if "shape" in manifest and shape_of(manifest) != shape:
        raise CheckpointError(f"the manifest says {shape_of(manifest)}, the arrays are {shape}")
    with np.errstate(over="ignore"):
        halves = {name: weights[name].astype("<f2") for name in shape.arrays()}
    _check(halves, shape)
    text = json.dumps({**manifest, "shape": asdict(shape)}, sort_keys=True, allow_nan=False, ensure_ascii=False)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        _write(archive, MANIFEST, text.encode())
        for name, array in halves.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
            _write(archive, f"{name}.npy", member.getvalue())
        archive.comment = b"0" * _SEAL
    body = buffer.getvalue()[:-_SEAL]
    return body + digest(body).encode()


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    info.create_system = 3  # as on Unix, wherever it is written
    info.external_attr = 0o644 << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, content, compresslevel=6)


def load(blob: bytes) -> tuple[Weights, dict[str, Any]]:
    """(float32 weights, manifest). CheckpointError when it is cut short, changed, of another shape or not finite."""
    body, seal = blob[:-_SEAL], blob[-_SEAL:]
    if not blob.startswith(b"PK"):
        raise CheckpointError("this is no checkpoint of the pocket model")
    if digest(body).encode() != seal:
        raise CheckpointError(f"the checkpoint is damaged: its {len(blob)} bytes do not match the hash at their end")
    try:
        with zipfile.ZipFile(io.BytesIO(blob)) as archive:
            manifest = json.loads(_read(archive, MANIFEST, _LIMIT))
            if not isinstance(manifest, dict):
                raise CheckpointError("the manifest of a checkpoint must be a JSON object")
            shape = shape_of(manifest)
            weights: Weights = {}
            for name, size in shape.arrays().items():
                content = _read(archive, f"{name}.npy", 2 * int(np.prod(size)) + _SLACK)
                array = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
                if array.dtype != np.dtype("<f2"):
                    raise CheckpointError(f"array {name!r} holds {array.dtype}, not float16")
                weights[name] = array.astype(np.float32)
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, EOFError, OSError, NotImplementedError) as error:
        raise CheckpointError(f"the checkpoint cannot be read: {error}") from None
    _check(weights, shape)
    return weights, manifest


def manifest(blob: bytes) -> dict[str, Any]:
    """The manifest alone, of a checkpoint that `load` has read or `dump` has written before."""
    with zipfile.ZipFile(io.BytesIO(blob)) as archive:
        found: dict[str, Any] = json.loads(_read(archive, MANIFEST, _LIMIT))
    return found


def _read(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """A member's content; one larger than `most` bytes is refused before it is unpacked."""
    info = archive.getinfo(name)
    if info.file_size > most:
        raise CheckpointError(f"{name!r} is {info.file_size} bytes; at most {most} were expected")
    return archive.read(info)
