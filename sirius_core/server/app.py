"""The routes: which address leads to what."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ..errors import ModelError
from ..models.in_step import SPARE, allow_files
from ..models.pocket import Engine
from . import chat
from .batches import HEADER, LARGEST, PATIENCE, Batches
from .protocol import Guard, Refused, answer, broken, failed, json_object, no_route, refused, whole
from .shelf import Shelf
from .tuning import LARGEST_FILE, Tuning, shown

FORM = 10_000  # bytes of a form around its file


class Lab:
    """Everything behind the routes. Make it, use it and close it in one thread."""

    def __init__(
        self,
        bases: Iterable[str] | None = None,
        workers: int = 0,
        folder: Path | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self.engine = Engine(workers)
        self.shelf = Shelf(self.engine, bases, folder)
        self.batches = Batches(self.engine, patience, min(LARGEST, allow_files() - SPARE))
        self.tuning = Tuning(self.shelf, workers, folder)

    def close(self) -> None:
        self.batches.refuse_all()
        self.tuning.close()
        self.engine.close()

    # -- routes ------------------------------------------------------------------------------------------------------
    async def models(self, request: Request) -> Response:
        return answer({"object": "list", "data": [model.card() for model in self.shelf]})

    async def model(self, request: Request) -> Response:
        return answer(self.shelf.find(request.path_params["id"]).card())

    async def chat(self, request: Request) -> Response:
        with self.batches.seat(request.headers.get(HEADER)) as seat:
            wish = chat.read(await json_object(request), self.shelf)
            choices = chat.replies(wish, await seat.replies(wish.rows()), self.shelf)
        if wish.stream:
            return StreamingResponse(chat.streamed(wish, choices), media_type="text/event-stream")
        return answer(chat.whole_answer(wish, choices))

    async def upload(self, request: Request) -> Response:
        if not request.headers.get("content-type", "").startswith("multipart/form-data"):
            raise Refused("A file is sent as multipart/form-data.", status=415)
        async with request.form(max_files=1, max_fields=10) as form:
            file, purpose = form.get("file"), form.get("purpose")
            if not isinstance(file, UploadFile):
                raise Refused("'file' is missing.", param="file", code="missing_required_parameter")
            return answer(self.tuning.upload(file.filename or "", await file.read(), str(purpose)))

    async def files(self, request: Request) -> Response:
        return answer(_page(self.tuning.files(), request.query_params, 10_000))

    async def file(self, request: Request) -> Response:
        return answer(self.tuning.file(request.path_params["id"]))

    async def delete_file(self, request: Request) -> Response:
        return answer(self.tuning.delete(request.path_params["id"]))

    async def content(self, request: Request) -> Response:
        return Response(self.tuning.content(request.path_params["id"]), media_type="application/octet-stream")

    async def create_job(self, request: Request) -> Response:
        return answer(shown(self.tuning.create(await json_object(request))))

    async def jobs(self, request: Request) -> Response:
        asked = {k[9:-1]: v for k, v in request.query_params.items() if k.startswith("metadata[") and k.endswith("]")}
        found = [shown(j) for j in self.tuning.jobs() if asked.items() <= j["metadata"].items()]
        return answer(_page(found, request.query_params, 20))

    async def job(self, request: Request) -> Response:
        return answer(shown(self.tuning.job(request.path_params["id"])))

    async def cancel_job(self, request: Request) -> Response:
        return answer(shown(self.tuning.cancel(request.path_params["id"])))

    async def events(self, request: Request) -> Response:
        return answer(_page(self.tuning.events(request.path_params["id"]), request.query_params, 20))


def _page(records: list[dict[str, Any]], query: Mapping[str, str], size: int) -> dict[str, Any]:
    """The newest ``limit`` records after the one that ``after`` names; ``records`` come oldest first."""
    given = query.get("limit", str(size))
    limit = whole({"limit": int(given)} if given.isdecimal() else {"limit": given}, "limit", 1, 10_000) or size
    newest = records[::-1]
    if after := query.get("after"):
        place = next((i for i, record in enumerate(newest) if record["id"] == after), None)
        if place is None:
            raise Refused(f"'after': there is no {after[:100]!r}.", param="after")
        newest = newest[place + 1 :]
    data = newest[:limit]
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
    return {"object": "list", "data": data, "has_more": len(newest) > limit, **ends}


def application(lab: Lab) -> Starlette:
    """The ASGI application of a lab, which it closes when the server ends."""

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            lab.close()

    def route(method: str, path: str, answer: Callable[[Request], Awaitable[Response]]) -> Route:
        return Route(path, answer, methods=[method])

    app = Starlette(
        routes=[
            route("GET", "/v1/models", lab.models),
            route("GET", "/v1/models/{id:path}", lab.model),
            route("POST", "/v1/chat/completions", lab.chat),
            route("POST", "/v1/files", lab.upload),
            route("GET", "/v1/files", lab.files),
            route("GET", "/v1/files/{id}", lab.file),
            route("DELETE", "/v1/files/{id}", lab.delete_file),
            route("GET", "/v1/files/{id}/content", lab.content),
            route("POST", "/v1/fine_tuning/jobs", lab.create_job),
            route("GET", "/v1/fine_tuning/jobs", lab.jobs),
            route("GET", "/v1/fine_tuning/jobs/{id}", lab.job),
            route("POST", "/v1/fine_tuning/jobs/{id}/cancel", lab.cancel_job),
            route("GET", "/v1/fine_tuning/jobs/{id}/events", lab.events),
        ],
        middleware=[Middleware(Guard, longest={"/v1/files": LARGEST_FILE + FORM})],
        exception_handlers={Refused: refused, HTTPException: no_route, ModelError: failed, Exception: broken},
        lifespan=life,
    )
    app.state.lab = lab
    app.router.redirect_slashes = False
    return app
