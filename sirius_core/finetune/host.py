"""The calls of OpenAI's fine-tuning protocol that a tuner needs, each with a deadline and one reading of its answer.

TryAgain: another attempt may succeed. `Refused`: none will. ModelError: the key is wrong.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..models import TryAgain
from ..models.chat_completions import Answer, error_of, passing

if TYPE_CHECKING:
    from ..models.openai_api import Endpoint

CALL = 60.0  # seconds for one call
UPLOAD = 600.0  # seconds for one file
PAGES = 1000  # of a job's events, at most
_ID = re.compile(r"[\w.:-]{1,200}", re.ASCII)
_NAME = re.compile(r"[^\s\x00-\x1f]{1,256}")


class Refused(Exception):
    """The host will not do it; ``status`` is HTTP's."""

    def __init__(self, why: str, status: int) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True)
class HostedJob:
    """A job as its host tells of it; ``model`` only when it has succeeded, ``why`` when it has not."""

    id: str
    status: str
    model: str = ""
    why: str = ""
    tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Steps:
    """``losses`` in nats per token by step, counted from 1; ``total`` is 0 where the host does not say it."""

    losses: Mapping[int, float]
    total: int = 0


class Host:
    """The fine-tuning side of an `Endpoint`, inside the event loop that its client belongs to."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    async def upload(self, name: str, content: bytes) -> str:
        """Send a training file; its id."""
        from openai import APIError, APIStatusError

        answer, why = None, ""
        try:
            async with asyncio.timeout(UPLOAD):
                file = await self.endpoint.client().files.create(file=(name, content), purpose="fine-tune")
            return _id(getattr(file, "id", None))
        except APIStatusError as error:
            answer = Answer(error.status_code, error.response.headers, error.response.content)
        except TimeoutError:
            why = f"no reply within {UPLOAD:g} s"
        except (APIError, ValueError) as error:
            why = self.endpoint.clean(str(error))
        # Outside of `except`: the library's errors carry the request, and with it the key.
        raise TryAgain("upload", why) if answer is None else self._refusal(answer)

    async def create(self, body: Mapping[str, Any]) -> str:
        """Create a job; its id."""
        return _id((await self._object("/fine_tuning/jobs", body)).get("id"))

    async def find(self, metadata: Mapping[str, str]) -> str | None:
        """The newest job with this metadata that has not failed; None where there is none, or jobs are not listed."""
        try:
            listed = (await self._object("/fine_tuning/jobs?limit=100")).get("data")
        except Refused:
            return None
        for job in listed if isinstance(listed, list) else ():
            noted = job.get("metadata") if isinstance(job, dict) else None
            known = isinstance(noted, dict) and metadata.items() <= noted.items()
            if known and job.get("status") not in ("failed", "cancelled"):
                return _id(job.get("id"))
        return None

    async def job(self, id: str) -> HostedJob:
        found = await self._object(f"/fine_tuning/jobs/{id}")
        status, model, error = str(found.get("status")), found.get("fine_tuned_model"), found.get("error")
        if status == "succeeded" and not (isinstance(model, str) and _NAME.fullmatch(model)):
            raise TryAgain("bad shape", f"{id} has succeeded, and names no model")
        return HostedJob(
            id,
            status,
            str(model) if status == "succeeded" else "",
            self.endpoint.clean(str(error.get("message") or "")) if isinstance(error, dict) else "",
            int(_number(found.get("trained_tokens"))),
            max(0.0, _number(found.get("finished_at")) - _number(found.get("created_at"))),
        )

    async def steps(self, id: str, *, whole: bool) -> Steps:
        """What a job's events say of its steps: all of them, or the newest; nothing where the host tells none."""
        losses: dict[int, float] = {}
        total, after = 0, ""
        for _ in range(PAGES if whole else 1):
            try:
                page = await self._object(f"/fine_tuning/jobs/{id}/events?limit={100 if whole else 10}{after}")
            except Refused:
                break
            events = page.get("data")
            events = [e for e in events if isinstance(e, dict)] if isinstance(events, list) else []
            for data in (e["data"] for e in events if isinstance(e.get("data"), dict)):
                step, loss = data.get("step"), data.get("train_loss")
                counted = isinstance(step, int) and 0 <= step <= MOST
                if counted and isinstance(loss, int | float) and math.isfinite(loss):
                    losses[step] = float(loss)
                    total = max(total, int(_number(data.get("total_steps"))))
            if not page.get("has_more") or not events:
                break
            after = f"&after={_id(events[-1].get('id'))}"
        return Steps(losses, total)

    async def _object(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        try:
            async with asyncio.timeout(CALL):
                answer = await self.endpoint.send(path, body)
        except TimeoutError:
            raise TryAgain("timeout", f"no reply within {CALL:g} s") from None
        if answer.status not in (200, 201):
            raise self._refusal(answer)
        try:
            found = json.loads(answer.raw)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise TryAgain("bad JSON", "the answer is no JSON object")
        return found

    def _refusal(self, answer: Answer) -> Exception:
        if (fault := passing(answer, self.endpoint.clean)) is not None:
            return fault
        if answer.status in (401, 403):
            self.endpoint.refuse(answer, "fine-tuning")
        message = self.endpoint.clean(error_of(answer).message)
        return Refused(f"{answer.status} {message or 'without a word'}", answer.status)


def _id(value: Any) -> str:
    """An id as it may stand in an address."""
    if isinstance(value, str) and _ID.fullmatch(value):
        return value
    raise TryAgain("bad shape", "the answer names no id")


MOST = 2.0**53  # of anything that is counted


def _number(value: Any) -> float:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return min(float(value), MOST) if fits else 0.0
