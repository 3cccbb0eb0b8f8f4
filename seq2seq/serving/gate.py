"""What every request passes: the name of the host is checked, and the answer is counted."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seq2seq.serving.metrics import Metrics


class Gate:
    """Lets requests to the right host through, and counts them when they are answered.

    Args:
        app: answers.
        hosts: the names that requests may be for, in lower case; None: any.
        metrics: counts.
        paths: those that are counted by themselves.
    """

    def __init__(
        self, app: ASGIApp, hosts: tuple[str, ...] | None, metrics: Metrics, paths: frozenset[str]
    ) -> None:
        self.app = app
        self.hosts = hosts
        self.metrics = metrics
        self.paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, status = time.perf_counter(), 500

        async def send_and_see(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        path = scope["path"] if scope["path"] in self.paths else "other"
        app = self.app if self.admits(Request(scope)) else WRONG_HOST
        try:
            await app(scope, receive, send_and_see)
        finally:
            self.metrics.count(path, status, time.perf_counter() - start)

    def admits(self, request: Request) -> bool:
        """Whether a request is for a host that is served: a page elsewhere can't choose that."""
        if self.hosts is None:
            return True
        try:
            name = urlsplit(f"//{request.headers.get('host', '')}").hostname
        except ValueError:
            return False
        return name in self.hosts


WRONG_HOST = JSONResponse(
    {"error": "this server has another name: see --allowed-hosts"}, status_code=400
)
