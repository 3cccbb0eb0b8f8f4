"""Runs a server until it is told to stop; then what was begun is finished."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import warnings
from pathlib import Path
from types import FrameType

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from seq2seq.config.serving import ServingSettings
from seq2seq.console import write_stderr
from seq2seq.errors import SettingsError
from seq2seq.serving.app import make_app
from seq2seq.serving.models import ServedModels
from seq2seq.translation.engine import LongSentenceWarning

READ_AFTER_STOP = 0.5
"""For so many seconds after it is told to stop, a server reads what clients sent before."""
API_KEY = "SEQ2SEQ_API_KEY"
"""The environment variable that may have the key."""


def serve(
    models: ServedModels, settings: ServingSettings, listening: socket.socket, api_key: str = ""
) -> None:
    """Serves models until SIGINT or SIGTERM; then answers what was asked before, and returns.

    Args:
        models: what is served.
        settings: how.
        listening: where, see `listen`.
        api_key: what clients must send; "": nothing.
    """
    # A client is told that its sentence was cut, and the log says nothing of what is translated.
    warnings.simplefilter("ignore", LongSentenceWarning)
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # nor of what is odd in a form
    config = uvicorn.Config(
        make_app(models, settings, api_key),
        http=_limited(settings),
        loop="asyncio",
        ws="none",
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        # What was begun is done by then, or given up.
        timeout_graceful_shutdown=int(settings.read_timeout + settings.timeout) + 1,
    )
    server = uvicorn.Server(config)

    def stop(number: int, frame: FrameType | None) -> None:
        server.should_exit = True

    # While it runs, uvicorn handles them; when it has ended, it raises again what it was sent.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    for model in models:
        write_stderr(f"{model.name}: {model.path}")
    host, port = listening.getsockname()[:2]
    where = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    write_stderr(f"serving at {where} (the API: {where}/docs); Ctrl-C ends it")
    server.run(sockets=[listening])


def listen(settings: ServingSettings) -> socket.socket:
    """Returns a socket that listens at the address; SettingsError if that can't be."""
    host, port = settings.host, settings.port
    try:
        family, *_, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=128)
    except OSError as error:
        why = error.strerror or error
        raise SettingsError(
            f"--host {host} --port {port} can't be listened at: {why}; --port 0 takes any port"
        ) from None


def _limited(settings: ServingSettings) -> type[asyncio.Protocol]:
    """Returns uvicorn's protocol with limits on connections, and on the time that a head takes."""

    class LimitedProtocol(H11Protocol):
        """Closes a connection over which no request comes in time."""

        silence: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            """See `asyncio.Protocol`."""
            assert isinstance(transport, asyncio.Transport)
            super().connection_made(transport)
            if len(self.connections) > settings.max_connections:
                transport.abort()
            self.watch()

        def data_received(self, data: bytes) -> None:
            """See `asyncio.Protocol`."""
            super().data_received(data)
            self.watch()

        def connection_lost(self, exc: Exception | None) -> None:
            """See `asyncio.Protocol`."""
            if self.silence:
                self.silence.cancel()
            super().connection_lost(exc)

        def shutdown(self) -> None:
            """Closes it when what was sent over it before is read, and answered."""

            def close() -> None:
                if self in self.connections:
                    super(LimitedProtocol, self).shutdown()

            self.loop.call_later(READ_AFTER_STOP, close)

        def watch(self) -> None:
            """Starts the clock when a request is waited for, and stops it when one is there."""
            waits = self.cycle is None or self.cycle.response_complete
            if waits and self.silence is None:
                self.silence = self.loop.call_later(settings.read_timeout, self.transport.abort)
            elif not waits and self.silence:
                self.silence.cancel()
                self.silence = None

    return LimitedProtocol


def read_key(file: str, environment: str | None) -> str:
    """Returns the key that clients must send, from a file or an environment variable.

    Args:
        file: whose first line has it; "": there is none.
        environment: what the variable has; None: it is not set.

    Raises:
        SettingsError: there are two keys, or an empty one, or the file can't be read.
    """
    if file and environment is not None:
        raise SettingsError(f"there are two keys: in --api-key-file {file} and in {API_KEY}")
    where = f"--api-key-file {file}" if file else API_KEY
    try:
        key = Path(file).read_text(encoding="utf-8").partition("\n")[0] if file else environment
    except (OSError, ValueError) as error:
        raise SettingsError(f"{where} can't be read: {error}") from None
    if key is not None and not key.strip():
        raise SettingsError(f"{where} has no key: it is empty")
    return (key or "").strip()
