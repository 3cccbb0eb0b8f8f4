"""How models are served over HTTP: where, to whom, and how much at a time."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from seq2seq.config.fields import NonNegativeFloat, PositiveFloat, PositiveInt, Range

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""The names of this machine to itself."""
ESCAPED = 12
"""The most bytes that JSON has for a character: two escapes of six."""


@dataclass(frozen=True)
class ServingSettings:
    """How models are served."""

    PREFIX = ""

    host: str = "127.0.0.1"
    """The address to listen at. 127.0.0.1: this machine alone; 0.0.0.0: all who reach it."""
    port: Annotated[int, Range(0, 65535)] = 5000
    """The port to listen at. 0: any that is free, which is printed."""
    allowed_hosts: tuple[str, ...] = ()
    """Host names that requests may be for, as translate.example.org, in addition to this machine's.
    None given: at a loopback address this machine's alone, else any."""
    cors_origins: tuple[str, ...] = ()
    """Web sites whose scripts may read the answers, as https://example.org; "*": all. None given:
    the browser keeps the answers from the scripts of other sites."""
    api_key_file: str = ""
    """A file whose first line clients must send as api_key. Empty: what the environment variable
    SEQ2SEQ_API_KEY has; if it is not set, no key is asked for."""
    max_characters: PositiveInt = 5000
    """The most characters of a request, of all its texts together."""
    max_texts: PositiveInt = 100
    """The most texts of a request."""
    split_sentences: bool = True
    """Cut lines into sentences, and translate these one by one; if not, a line is a sentence, as
    for `seq2seq translate`."""
    batch_size: PositiveInt = 64
    """The most sentences that are translated together, of one request or of several."""
    batch_wait: NonNegativeFloat = 5.0
    """How many milliseconds an idle model waits for more requests when one comes in."""
    queue_size: PositiveInt = 1000
    """The most sentences that wait for each model. A request for which there is no room is
    answered 429, and when to come back."""
    timeout: PositiveFloat = 30.0
    """After how many seconds a request is given up: if it still waits, it is answered 429."""
    read_timeout: PositiveFloat = 10.0
    """Within how many seconds a client must have sent its whole request."""
    max_connections: PositiveInt = 500
    """The most connections at the same time; more are closed at once."""

    @property
    def max_body(self) -> int:
        """The most bytes of a request's body: room for the characters, however they are written."""
        return ESCAPED * self.max_characters + 65_536

    @property
    def hosts(self) -> tuple[str, ...] | None:
        """The host names that requests may be for, in lower case; None: any."""
        if not self.allowed_hosts and not is_loopback(self.host):
            return None
        return (*LOOPBACK, self.host.lower(), *(name.lower() for name in self.allowed_hosts))

    def problems(self) -> Iterator[str]:
        """One line for each impossible setting."""
        if not self.host or any(character in self.host for character in "/ []"):
            yield f"--host {self.host!r} is no address or name of a machine"
        for name in self.allowed_hosts:
            if any(character in name for character in "/*: ") or not name:
                yield f"--allowed-hosts {name!r} must be the name alone, as translate.example.org"
        for origin in self.cors_origins:
            if origin != "*" and not is_origin(origin):
                yield f"--cors-origins {origin!r} must be as a browser has it: https://example.org"


def is_loopback(host: str) -> bool:
    """Whether an address, or a name, is this machine's to itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_origin(text: str) -> bool:
    """Whether a text is the origin of a web page: scheme, host, and perhaps a port."""
    parts = urlsplit(text)
    return (
        parts.scheme in ("http", "https")
        and bool(parts.netloc)
        and text == f"{parts.scheme}://{parts.netloc}"
    )
