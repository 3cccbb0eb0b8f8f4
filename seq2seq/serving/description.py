"""What a server offers, as an OpenAPI document, and the same as a page to read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from xml.etree.ElementTree import tostring

import seq2seq
from seq2seq.config.serving import ServingSettings
from seq2seq.export.html import read_scripts
from seq2seq.report.elements import element, section

TEXT = {"type": "string"}
NUMBER = {"type": "integer", "minimum": 0, "maximum": 100}
TEXTS = {"oneOf": [TEXT, {"type": "array", "items": TEXT}]}


def schema(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    """Returns the schema of an object."""
    found = {"type": "object", "properties": properties}
    return {**found, "required": required} if required else found


DETECTED = schema(["language", "confidence"], language=TEXT, confidence={"type": "number"})
TRANSLATED = schema(
    ["translatedText"],
    translatedText=TEXTS,
    alternatives={"type": "array", "items": TEXTS},
    detectedLanguage={"oneOf": [DETECTED, {"type": "array", "items": DETECTED}]},
    warnings={"type": "array", "items": TEXT},
)
CANDIDATE = schema(
    ["text", "tokens", "score", "logProbability"],
    text=TEXT,
    tokens={"type": "array", "items": TEXT},
    score={"type": "number"},
    logProbability={"type": "number"},
    attention={"oneOf": [{"type": "array"}, {"type": "null"}]},
)
CANDIDATES = schema(
    ["sourceTokens", "candidates"],
    sourceTokens={"type": "array", "items": TEXT},
    isCut={"type": "boolean"},
    candidates={"type": "array", "items": CANDIDATE},
)
LANGUAGE = schema(
    ["code", "name", "targets"], code=TEXT, name=TEXT, targets={"type": "array", "items": TEXT}
)
ERRORS = {
    400: "The request is not as it must be, or asks for what is not here.",
    403: "The api_key is missing or wrong.",
    408: "The request was not sent in time.",
    413: "The request is too large.",
    429: "Too busy: Retry-After has the seconds to wait.",
    504: "It takes too long.",
}


def answer(text: str, found: dict[str, Any], kind: str = "application/json") -> dict[str, Any]:
    """Returns the description of an answer."""
    return {"description": text, "content": {kind: {"schema": found}}}


def get(summary: str, found: dict[str, Any], kind: str = "application/json") -> dict[str, Any]:
    """Returns the description of a route that is asked for without a body."""
    return {
        "get": {"summary": summary, "responses": {"200": answer("What there is.", found, kind)}}
    }


def nullable(found: dict[str, Any]) -> dict[str, Any]:
    """Returns a schema that allows null, too."""
    values = {"enum": [*found["enum"], None]} if "enum" in found else {}
    return {**found, **values, "nullable": True}


def post(
    summary: str, asked: dict[str, Any], found: dict[str, Any], example: dict[str, Any]
) -> dict[str, Any]:
    """Returns the description of a route that is asked by JSON or by a form.

    In JSON, what is not required may be null.
    """
    properties = {
        name: found if name in asked["required"] else nullable(found)
        for name, found in asked["properties"].items()
    }
    body = {
        "required": True,
        "content": {
            "application/json": {"schema": {**asked, "properties": properties}, "example": example},
            "application/x-www-form-urlencoded": {"schema": asked},
        },
    }
    error = schema(["error"], error=TEXT)
    responses = {
        "200": answer("The answer.", found),
        **{str(status): answer(text, error) for status, text in ERRORS.items()},
    }
    return {"post": {"summary": summary, "requestBody": body, "responses": responses}}


GETS = {
    "/languages": get("Lists the languages.", {"type": "array", "items": LANGUAGE}),
    "/frontend/settings": get("Says what clients show.", schema(charLimit={"type": "integer"})),
    "/health": get("Says that the server answers.", schema(["status"], status=TEXT)),
    "/metrics": get("Counts, in the text format of Prometheus.", TEXT, "text/plain"),
}


def describe(pairs: Sequence[tuple[str, str]], settings: ServingSettings) -> dict[str, Any]:
    """Returns the OpenAPI document of a server with these pairs of languages and these limits."""
    sources, targets = ([*dict.fromkeys(codes)] for codes in zip(*pairs, strict=True))
    text = {**TEXT, "maxLength": settings.max_characters}
    texts = {"type": "array", "items": text, "maxItems": settings.max_texts}
    source, target = ({**TEXT, "enum": codes} for codes in (sources, targets))
    asked = schema(
        ["q", "target"],
        q={"oneOf": [text, texts], "description": "A text, or a list of texts."},
        source={
            **TEXT,
            "enum": ["auto", *sources],
            "description": "Its language; auto, or nothing: it is found.",
        },
        target={**target, "description": "The language to translate into."},
        format={
            **TEXT,
            "enum": ["text", "html"],
            "description": "Of html, the text between the tags is translated.",
        },
        alternatives={**NUMBER, "description": "So many more translations, if there are."},
        api_key={**TEXT, "description": "The key, if the server wants one."},
    )
    sentence = schema(["q", "source", "target"], q=text, source=source, target=target, api_key=TEXT)
    example = {"q": "Ein Hund schläft.", "source": sources[0], "target": targets[0]}
    posts = {
        "/translate": post(
            "Translates a text, or several.", asked, TRANSLATED, {**example, "alternatives": 2}
        ),
        "/detect": post(
            "Tells in which of the server's languages a text is.",
            schema(["q"], q=text, api_key=TEXT),
            {"type": "array", "items": DETECTED},
            {"q": example["q"]},
        ),
        "/candidates": post(
            "Translates one sentence: what the page shows, with scores and attention.",
            sentence,
            CANDIDATES,
            example,
        ),
    }
    info = {
        "title": "seq2seq serve",
        "version": seq2seq.__version__,
        "description": "Translation models, with the API of LibreTranslate.",
    }
    return {"openapi": "3.0.3", "info": info, "paths": {**posts, **GETS}}


def documentation(api: dict[str, Any]) -> str:
    """Returns an OpenAPI document as a page: each route, what it takes, and an example."""
    parts, info = [], api["info"]
    for path, methods in api["paths"].items():
        ((method, route),) = methods.items()
        contents = [element("p", route["summary"])]
        if method == "post":
            media = route["requestBody"]["content"]["application/json"]
            properties = media["schema"]["properties"].items()
            items = [
                element("li", element("code", name), f" {found.get('description', '')}")
                for name, found in properties
            ]
            example = json.dumps(media["example"], ensure_ascii=False)
            contents += [element("ul", *items), element("pre", example)]
        parts.append(section(f"{method.upper()} {path}", *contents))
    link = element("a", "openapi.json", href="openapi.json")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", info["title"]),
        element("style", read_scripts(("base.css",))),
    )
    header = element("header", element("h1", info["title"]))
    intro = element("p", f"{info['description']} For programs: ", link, ". ")
    page = element("html", head, element("body", header, intro, element("main", *parts)), lang="en")
    return "<!DOCTYPE html>\n" + tostring(page, encoding="unicode", method="html")
