"""The routes of a server: LibreTranslate's API, and the page.

Written from the public description of that API; whatever is refused is told as it tells it, as
``{"error": "…"}``.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from itertools import islice
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from seq2seq.config.language_tags import language_name
from seq2seq.config.serving import ServingSettings
from seq2seq.errors import SettingsError
from seq2seq.serving.batcher import Batcher
from seq2seq.serving.description import describe, documentation
from seq2seq.serving.detection import Detected, Detector
from seq2seq.serving.errors import RequestError
from seq2seq.serving.gate import Gate
from seq2seq.serving.metrics import CONTENT_TYPE, Metrics
from seq2seq.serving.models import ServedModel, ServedModels
from seq2seq.serving.page import server_page
from seq2seq.serving.requests import Asked, read_request
from seq2seq.serving.sentences import Document, cut_html, cut_text
from seq2seq.translation.results import Translation

Endpoint = Callable[[Request], Awaitable[Response]]


class Api:
    """What the routes do.

    Args:
        models: what is served.
        settings: how.
        api_key: what clients must send; "": nothing.
    """

    def __init__(self, models: ServedModels, settings: ServingSettings, api_key: str = "") -> None:
        self.models = models
        self.settings = settings
        self.api_key = api_key
        self.detector = Detector(models.codes)
        self.batchers = {model.name: Batcher(model, settings) for model in models}
        self.metrics = Metrics([*self.batchers.values()])
        self.pages: dict[str, str] = {}
        self.description = describe([*models.by_pair], settings)

    async def translate(self, request: Request) -> Response:
        """POST /translate."""
        asked = await self._read(request)
        if not asked.target:
            raise RequestError(400, "target is missing: the language to translate into")
        target = self.models.code(asked.target)
        found = [self._source(text, asked.source, target) for text in asked.texts]
        models = [self.models.find(detected.language, target) for detected in found]
        documents = [self._cut(text, asked, m) for text, m in zip(asked.texts, models, strict=True)]
        count = asked.alternatives + 1
        filled, cut = await self._fill(request, documents, models, count)
        answer: dict[str, Any] = {"translatedText": [texts[0] for texts in filled]}
        if asked.alternatives:
            answer["alternatives"] = [texts[1:] for texts in filled]
        if asked.source.lower() == "auto":
            answer["detectedLanguage"] = [detected._asdict() for detected in found]
        if not asked.is_list:
            answer = {name: values[0] for name, values in answer.items()}
        if cut:
            answer["warnings"] = [f"cut, since the model reads no more: {each}" for each in cut]
        return JSONResponse(answer)

    def _source(self, text: str, source: str, target: str) -> Detected:
        """The language that a text is in, as it is said, or as it is found."""
        if source.lower() != "auto":
            return Detected(self.models.code(source), 100.0)
        return self.detector.detect(text, self.models.sources(target))[0]

    def _cut(self, text: str, asked: Asked, model: ServedModel) -> Document:
        """A text of a request, cut into sentences."""
        cut = cut_html if asked.format == "html" else cut_text
        return cut(text, model.source, split=self.settings.split_sentences)

    async def _fill(
        self,
        request: Request,
        documents: list[Document],
        models: list[ServedModel],
        count: int,
    ) -> tuple[list[list[str]], list[str]]:
        """Returns each text translated, at most `count` times, the best first; what was cut.

        The second translation of a text has the second best of each of its sentences, and so on.
        """
        candidates: dict[int, list[list[Translation]]] = {}
        cut: list[str] = []
        for name, batcher in self.batchers.items():
            own = [place for place, model in enumerate(models) if model.name == name]
            sentences = [each for place in own for each in documents[place].sentences]
            if not sentences:
                continue
            found = await batcher.translate(sentences, count, gone=partial(gone, request))
            pairs = zip(sentences, found, strict=True)
            cut += [
                f"{each[:40]} …" for each, (best, *_) in pairs if batcher.model.is_cut(each, best)
            ]
            rest = iter(found)
            for place in own:
                candidates[place] = [*islice(rest, len(documents[place].sentences))]
        filled = []
        for place, document in enumerate(documents):
            rows = candidates.get(place, [])
            texts = [
                document.fill([row[min(number, len(row) - 1)].text for row in rows])
                for number in range(max(map(len, rows), default=1))
            ]
            filled.append([*dict.fromkeys(texts)])
        return filled, cut

    async def candidates(self, request: Request) -> Response:
        """POST /candidates: what the page shows of a line, which is a sentence."""
        asked = await self._read(request)
        model = self.models.find(asked.source, asked.target)
        if len(asked.texts) != 1:
            raise RequestError(400, "q must be one sentence")
        (text,) = asked.texts
        if not text.strip():
            return JSONResponse({"sourceTokens": [], "candidates": []})
        count = model.most_candidates
        batcher = self.batchers[model.name]
        (found,) = await batcher.translate(
            [text], count, attention=True, gone=partial(gone, request)
        )
        return JSONResponse(
            {
                "sourceTokens": found[0].source_tokens,
                "isCut": model.is_cut(text, found[0]),
                "candidates": [
                    {
                        "text": each.text,
                        "tokens": each.tokens,
                        "score": each.score,
                        "logProbability": each.log_probability,
                        "attention": each.attention,
                    }
                    for each in found
                ],
            }
        )

    async def detect(self, request: Request) -> Response:
        """POST /detect."""
        asked = await self._read(request)
        found = self.detector.detect("\n".join(asked.texts), self.models.codes)
        return JSONResponse([each._asdict() for each in found])

    async def languages(self, _: Request) -> Response:
        """GET /languages."""
        return JSONResponse(
            [
                {"code": code, "name": language_name(code), "targets": self.models.targets(code)}
                for code in self.models.codes
            ]
        )

    async def frontend_settings(self, _: Request) -> Response:
        """GET /frontend/settings."""
        first = next(iter(self.models))
        source, target = (
            {"code": code, "name": language_name(code)} for code in (first.source, first.target)
        )
        return JSONResponse(
            {
                "apiKeys": bool(self.api_key),
                "charLimit": self.settings.max_characters,
                "filesTranslation": False,
                "frontendTimeout": 500,
                "keyRequired": bool(self.api_key),
                "language": {"source": source, "target": target},
                "suggestions": False,
                "supportedFilesFormat": [],
            }
        )

    async def health(self, _: Request) -> Response:
        """GET /health."""
        return JSONResponse({"status": "ok"})

    async def show_metrics(self, _: Request) -> Response:
        """GET /metrics."""
        return Response(self.metrics.text(), media_type=CONTENT_TYPE)

    async def page(self, request: Request) -> Response:
        """GET /: the page of a pair of languages, the first one if none is named."""
        names = request.query_params
        first = next(iter(self.models))
        model = self.models.find(
            names.get("source", first.source), names.get("target", first.target)
        )
        if model.name not in self.pages:
            try:
                self.pages[model.name] = server_page(model, self.models)
            except SettingsError as error:  # a tokenizer of one's own
                raise RequestError(404, f"{model.name} has no page: {error}") from None
        return HTMLResponse(self.pages[model.name], headers=PAGE_HEADERS)

    async def icon(self, _: Request) -> Response:
        """GET /favicon.ico, which browsers ask for: there is none."""
        return Response(status_code=204)

    async def openapi(self, _: Request) -> Response:
        """GET /openapi.json."""
        return JSONResponse(self.description)

    async def docs(self, _: Request) -> Response:
        """GET /docs."""
        return HTMLResponse(documentation(self.description), headers=PAGE_HEADERS)

    async def _read(self, request: Request) -> Asked:
        """What a request asks for, if it may ask."""
        try:
            asked = await read_request(request, self.settings)
        except ClientDisconnect:
            raise RequestError(499, "the client has gone") from None
        given, key = asked.api_key.encode(), self.api_key.encode()
        if key and not hmac.compare_digest(given, key):
            problem = (
                "is not the key of this server" if given else "is missing: this server asks for it"
            )
            raise RequestError(403, f"api_key {problem}")
        return asked

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """A context in which requests are answered."""
        async with AsyncExitStack() as stack:
            for batcher in self.batchers.values():
                await stack.enter_async_context(batcher.running())
            yield


PAGE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "frame-ancestors 'none'",
}
"""The rest of the policy stands in the pages."""


async def gone(request: Request) -> None:
    """Returns when the client of a request, whose body was read, has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def refuse(_: Request, error: Exception) -> Response:
    """The answer to a request that is refused."""
    if isinstance(error, RequestError):
        headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
        return JSONResponse({"error": error.message}, error.status, headers)
    if isinstance(error, HTTPException):
        hint = ": see /docs" if error.status_code == 404 else ""
        return JSONResponse({"error": f"{error.detail}{hint}"}, error.status_code, error.headers)
    return JSONResponse({"error": "this is a bug of the server"}, 500)


def make_app(models: ServedModels, settings: ServingSettings, api_key: str = "") -> Starlette:
    """Returns the application of a server; arguments as for `Api`."""
    api = Api(models, settings, api_key)
    posts: dict[str, Endpoint] = {
        "/translate": api.translate,
        "/detect": api.detect,
        "/candidates": api.candidates,
    }
    gets: dict[str, Endpoint] = {
        "/": api.page,
        "/languages": api.languages,
        "/frontend/settings": api.frontend_settings,
        "/health": api.health,
        "/metrics": api.show_metrics,
        "/openapi.json": api.openapi,
        "/docs": api.docs,
        "/favicon.ico": api.icon,
    }
    routes = [
        *(Route(path, endpoint, methods=["POST"]) for path, endpoint in posts.items()),
        *(Route(path, endpoint, methods=["GET"]) for path, endpoint in gets.items()),
    ]
    paths = frozenset({*posts, *gets})
    middleware = [Middleware(Gate, hosts=settings.hosts, metrics=api.metrics, paths=paths)]
    if settings.cors_origins:
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=settings.cors_origins,
                allow_methods=["GET", "POST"],
                allow_headers=["Content-Type"],
            )
        )
    handlers: dict[Any, Any] = dict.fromkeys((RequestError, HTTPException, Exception), refuse)
    return Starlette(
        routes=routes, middleware=middleware, exception_handlers=handlers, lifespan=api.lifespan
    )
