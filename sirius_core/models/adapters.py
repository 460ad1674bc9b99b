"""A LoRA adapter as one blob, and back.

A blob is an uncompressed tar file of exactly three members: ``manifest.json`` (what it is and over which checkpoint),
``adapter_config.json`` (PEFT's, without machine paths) and ``adapter_model.safetensors``. Equal weights and settings
give equal bytes, so a blob can be stored by its hash. What is not written like this is refused: a blob may come from
somebody else's database. The untrained checkpoint itself stands in a database as a line of JSON, by name and hash;
`describe` tells the two apart.

>>> describe(b'{"kind": "spoken", "over": {"checkpoint": "tiny", "hash": "00ff"}}')
{'kind': 'spoken', 'over': {'checkpoint': 'tiny', 'hash': '00ff'}}
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import CheckpointError
from ..trajectories import canonical

MANIFEST, CONFIG, WEIGHTS = "manifest.json", "adapter_config.json", "adapter_model.safetensors"
MOST_BYTES = 900_000_000  # SQLite keeps at most 1 GB in one place
_NAME = re.compile(r"\w+(\.\w+)*")
# The whole vocabulary of an adapter's settings. PEFT knows many more; some of them name modules to import.
_FIXED = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "bias": "none", "lora_dropout": 0.0}


@dataclass(frozen=True)
class Adapter:
    """A blob that was read and found good: ``over`` names its checkpoint, ``weights`` is a safetensors file."""

    over: Mapping[str, str]
    rank: int
    alpha: int
    targets: tuple[str, ...]  # names of the modules that it changes
    weights: bytes

    @property
    def config(self) -> dict[str, Any]:
        """What PEFT's ``adapter_config.json`` says, machine paths left out."""
        return {**_FIXED, "r": self.rank, "lora_alpha": self.alpha, "target_modules": list(self.targets)}


def pack(folder: Path, over: Mapping[str, str]) -> bytes:
    """The blob of the adapter that PEFT saved in ``folder``; ``over`` is its checkpoint's name and hash."""
    adapter = _adapter(over, _json((folder / CONFIG).read_bytes(), "its settings"), (folder / WEIGHTS).read_bytes())
    if len(adapter.weights) > MOST_BYTES:
        raise CheckpointError(
            f"the adapter takes {len(adapter.weights) / 1e6:,.0f} MB, more than a database can keep; lower lora_rank"
        )
    return _tar(adapter)


def describe(blob: bytes) -> dict[str, Any]:
    """``{"kind": "spoken", "over": ...}`` or ``{"kind": "lora", "over": ..., "rank": ..., "bytes": ...}``.

    A blob of another kind raises CheckpointError.
    """
    if blob[:1] == b"{":
        found = _json(blob, "it")
        if found.get("kind") != "spoken" or not isinstance(found.get("over"), dict):
            raise CheckpointError(f"this checkpoint is of kind {found.get('kind')!r}, not a local one")
        return found
    adapter = read(blob)
    return {"kind": "lora", "over": dict(adapter.over), "rank": adapter.rank, "bytes": len(adapter.weights)}


def read(blob: bytes) -> Adapter:
    """The adapter in ``blob``; anything but what `pack` writes raises CheckpointError."""
    try:
        with tarfile.open(fileobj=io.BytesIO(blob), mode="r:") as archive:
            members = archive.getmembers()
            if [m.name for m in members] != [MANIFEST, CONFIG, WEIGHTS] or not all(_plain(m, blob) for m in members):
                raise CheckpointError("this checkpoint is no adapter: it holds other files than an adapter's three")
            manifest, config, weights = (archive.extractfile(m).read() for m in members)  # type: ignore[union-attr]
    except (tarfile.TarError, OSError, EOFError, ValueError, OverflowError):
        raise CheckpointError("this checkpoint is no adapter, or it is damaged") from None
    said = _json(manifest, MANIFEST)
    if said.get("kind") != "lora" or not isinstance(said.get("over"), dict):
        raise CheckpointError(f"this checkpoint is of kind {said.get('kind')!r}, not an adapter")
    adapter = _adapter(said["over"], _json(config, CONFIG), weights)
    if _tar(adapter) != blob:
        raise CheckpointError("this checkpoint is no adapter as the lab writes them")
    return adapter


def unpack(blob: bytes, folder: Path, checkpoint: Path | str = "") -> Adapter:
    """Write the adapter into ``folder`` (made if absent) as PEFT, vLLM and transformers read it.

    ``checkpoint`` is where its base lies on this machine; some programs look for it there.
    """
    adapter = read(blob)
    folder.mkdir(parents=True, exist_ok=True)
    base = {"base_model_name_or_path": str(checkpoint or adapter.over.get("checkpoint", ""))}
    (folder / CONFIG).write_text(json.dumps({**adapter.config, **base}, indent=1), "utf-8")
    (folder / WEIGHTS).write_bytes(adapter.weights)
    return adapter


def _tar(adapter: Adapter) -> bytes:
    manifest = canonical({"kind": "lora", "over": dict(adapter.over)}).encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        members = ((MANIFEST, manifest), (CONFIG, canonical(adapter.config).encode()), (WEIGHTS, adapter.weights))
        for name, content in members:
            info = tarfile.TarInfo(name)  # time, owner and mode are the same everywhere
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _plain(member: tarfile.TarInfo, blob: bytes) -> bool:
    return member.type == tarfile.REGTYPE and member.sparse is None and 0 <= member.size <= len(blob)


def _adapter(over: Any, config: dict[str, Any], weights: bytes) -> Adapter:
    rank, alpha, targets = config.get("r"), config.get("lora_alpha"), config.get("target_modules")
    if not all(isinstance(k, str) and isinstance(v, str) for k, v in over.items()):
        raise CheckpointError("an adapter's manifest names its checkpoint by name and hash")
    if config.get("peft_type") != "LORA" or config.get("use_dora") or config.get("use_rslora"):
        raise CheckpointError("this adapter is no plain LoRA adapter")
    for name, value, most in (("r", rank, 4096), ("lora_alpha", alpha, 65536)):
        if type(value) is not int or not 0 < value <= most:
            raise CheckpointError(f"an adapter's {name} is a whole number from 1 to {most}, not {value!r}")
    if not isinstance(targets, list | set | tuple) or not targets or not all(_is_name(t) for t in targets):
        raise CheckpointError("an adapter names the modules that it changes")
    assert isinstance(rank, int) and isinstance(alpha, int)
    return Adapter(dict(over), rank, alpha, tuple(sorted(targets)), weights)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 300 and _NAME.fullmatch(value) is not None


def _json(raw: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        raise CheckpointError(f"this checkpoint is damaged: {what} is no JSON") from None
    if not isinstance(value, dict):
        raise CheckpointError(f"this checkpoint is damaged: {what} is no JSON object")
    return value
