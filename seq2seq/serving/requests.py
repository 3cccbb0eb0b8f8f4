"""A request, its body JSON or a form, or its query -> what is asked for, checked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

from seq2seq.config.serving import ServingSettings
from seq2seq.serving.errors import RequestError

MAX_ALTERNATIVES = 100
NAMES = ("q", "source", "target", "format", "alternatives", "api_key")
"""All that is read of a request; clients send more, which other servers know."""


class Asked(NamedTuple):
    """What a request asks for.

    Attributes:
        texts: what is to be translated.
        is_list: whether they came as a list, and are answered by one.
        source: the tag of a language, or "auto".
        target: the tag of a language.
        format: of the texts.
        alternatives: how many more translations are wanted.
        api_key: the key that the client has, if it has one.
    """

    texts: list[str]
    is_list: bool
    source: str = "auto"
    target: str = ""
    format: Literal["text", "html"] = "text"
    alternatives: int = 0
    api_key: str = ""


async def read_request(request: Request, settings: ServingSettings) -> Asked:
    """Reads what a request asks for.

    Raises:
        RequestError: it is too large, too slow, or not as it must be.
    """
    try:
        async with asyncio.timeout(settings.read_timeout):
            body = await read_body(request, settings.max_body)
    except TimeoutError:
        seconds = settings.read_timeout
        raise RequestError(408, f"the request was not sent within {seconds:g} seconds") from None
    query = request.scope["query_string"]  # where some clients of LibreTranslate have all
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        values = read_form(body, settings)
    elif kind == "multipart/form-data":
        values = await read_multipart(request, body, settings)
    else:
        values = read_json(body) if body or not query else {}
    return check_values({**read_form(query, settings), **values}, settings)


async def read_body(request: Request, most: int) -> bytes:
    """Reads the body of a request; RequestError as soon as it is known to be too large."""
    declared = request.headers.get("content-length", "0")
    body = bytearray()
    if not declared.isdecimal() or int(declared[:20]) <= most:
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                break
        else:
            return bytes(body)
    raise RequestError(413, f"the request has more than {most:,} bytes")


def read_json(body: bytes) -> dict[str, Any]:
    """Reads a body of JSON; RequestError if it is not one object."""
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError(400, f"the request is not JSON: {error}") from None
    if not isinstance(values, dict):
        raise RequestError(400, 'the request must be one JSON object: {"q": …}')
    return values


def read_form(body: bytes, settings: ServingSettings) -> dict[str, Any]:
    """Reads a form, whose text may be UTF-8 as it is; RequestError if it is none."""
    most = settings.max_texts + 2 * len(NAMES)
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=most, errors="strict"
        )
    except ValueError as error:
        raise RequestError(400, f"the form can't be read: {error}") from None
    return form_values(pairs)


async def read_multipart(
    request: Request, body: bytes, settings: ServingSettings
) -> dict[str, Any]:
    """Reads a form in parts; RequestError if it is none, or has files."""

    async def replay() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    most = settings.max_texts + 2 * len(NAMES)
    try:
        form = await Request(request.scope, replay).form(
            max_files=0, max_fields=most, max_part_size=len(body) + 1
        )
    except (HTTPException, ValueError) as error:
        detail = getattr(error, "detail", error)
        raise RequestError(400, f"the form can't be read: {detail}") from None
    return form_values([(name, str(value)) for name, value in form.multi_items()])


def form_values(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Returns the values of a form as JSON would have them: several texts as a list."""
    values: dict[str, Any] = {name: value for name, value in pairs if name in NAMES}
    if len(texts := [value for name, value in pairs if name == "q"]) > 1:
        values["q"] = texts
    number = values.get("alternatives", "")
    if number.isdecimal():
        values["alternatives"] = int(number[:9])
    return values


def check_values(values: dict[str, Any], settings: ServingSettings) -> Asked:
    """Returns what is asked for; RequestError if a value is of a wrong type or too much."""
    values = {name: values[name] for name in NAMES if values.get(name) is not None}
    q = values.pop("q", None)
    if q is None:
        raise RequestError(400, "q is missing: the text to translate, or a list of texts")
    texts = q if isinstance(q, list) else [q]
    if not all(isinstance(text, str) for text in texts):
        raise RequestError(400, "q must be a text or a list of texts")
    count = values.get("alternatives", 0)
    if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MAX_ALTERNATIVES:
        raise RequestError(400, f"alternatives must be a number from 0 to {MAX_ALTERNATIVES}")
    for name in ("source", "target", "format", "api_key"):
        if not isinstance(values.get(name, ""), str):
            raise RequestError(400, f"{name} must be a text")
    if values.get("format", "text") not in ("text", "html"):
        raise RequestError(400, "format must be text or html")
    if len(texts) > settings.max_texts:
        raise RequestError(400, f"{len(texts):,} texts: at most {settings.max_texts:,} at a time")
    characters = sum(map(len, texts))
    if characters > settings.max_characters:
        most = settings.max_characters
        raise RequestError(400, f"{characters:,} characters: at most {most:,} at a time")
    if any(is_broken(text) for text in (*texts, values.get("api_key", ""))):
        raise RequestError(400, "a text has half of a surrogate pair, which is no character")
    return Asked(texts, isinstance(q, list), **values)


def is_broken(text: str) -> bool:
    """Whether a text has what is no character, and could not be written as UTF-8."""
    return any("\ud800" <= character <= "\udfff" for character in text)
