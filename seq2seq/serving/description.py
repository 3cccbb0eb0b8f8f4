"""What a server offers, as an OpenAPI document, and the same as a page to read."""

from __future__ import annotations

import json
from typing import Any
from xml.etree.ElementTree import tostring

import seq2seq
from seq2seq.export.html import read_scripts
from seq2seq.report.elements import element, section

TEXT = {"type": "string"}
OPTIONAL = {**TEXT, "nullable": True}
NUMBER = {"type": "integer", "minimum": 0, "maximum": 100, "nullable": True}
TEXTS = {"oneOf": [TEXT, {"type": "array", "items": TEXT}]}


def schema(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    """Returns the schema of an object."""
    found = {"type": "object", "properties": properties}
    return {**found, "required": required} if required else found


DETECTED = schema(["language", "confidence"], language=TEXT, confidence={"type": "number"})
CANDIDATE = schema(
    ["text", "tokens", "score", "logProbability"],
    text=TEXT,
    tokens={"type": "array", "items": TEXT},
    score={"type": "number"},
    logProbability={"type": "number"},
    attention={"oneOf": [{"type": "array"}, {"type": "null"}]},
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


def post(
    summary: str, asked: dict[str, Any], found: dict[str, Any], example: dict[str, Any]
) -> dict[str, Any]:
    """Returns the description of a route that is asked by JSON or by a form."""
    body = {
        "required": True,
        "content": {
            "application/json": {"schema": asked, "example": example},
            "application/x-www-form-urlencoded": {"schema": asked},
        },
    }
    error = schema(["error"], error=TEXT)
    responses = {
        "200": answer("The answer.", found),
        **{str(status): answer(text, error) for status, text in ERRORS.items()},
    }
    return {"post": {"summary": summary, "requestBody": body, "responses": responses}}


API: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {
        "title": "seq2seq serve",
        "version": seq2seq.__version__,
        "description": "Translation models, with the API of LibreTranslate.",
    },
    "paths": {
        "/translate": post(
            "Translates a text, or several.",
            schema(
                ["q", "target"],
                q={**TEXTS, "description": "A text, or a list of texts."},
                source={**OPTIONAL, "description": "Its language; auto, or nothing: it is found."},
                target={**TEXT, "description": "The language to translate into."},
                format={
                    "type": "string",
                    "enum": ["text", "html"],
                    "nullable": True,
                    "description": "Of html, the text between the tags is translated.",
                },
                alternatives={**NUMBER, "description": "So many more translations, if there are."},
                api_key={**OPTIONAL, "description": "The key, if the server wants one."},
            ),
            schema(
                ["translatedText"],
                translatedText=TEXTS,
                alternatives={"type": "array", "items": TEXTS},
                detectedLanguage={"oneOf": [DETECTED, {"type": "array", "items": DETECTED}]},
            ),
            {"q": "Ein Hund schläft.", "source": "de", "target": "en", "alternatives": 2},
        ),
        "/detect": post(
            "Tells in which of the server's languages a text is.",
            schema(["q"], q=TEXT, api_key=OPTIONAL),
            {"type": "array", "items": DETECTED},
            {"q": "Ein Hund schläft."},
        ),
        "/candidates": post(
            "Translates one sentence: what the page shows, with scores and attention.",
            schema(["q", "source", "target"], q=TEXT, source=TEXT, target=TEXT, api_key=OPTIONAL),
            schema(
                ["sourceTokens", "candidates"],
                sourceTokens={"type": "array", "items": TEXT},
                isCut={"type": "boolean"},
                candidates={"type": "array", "items": CANDIDATE},
            ),
            {"q": "Ein Hund schläft.", "source": "de", "target": "en"},
        ),
        "/languages": get("Lists the languages.", {"type": "array", "items": LANGUAGE}),
        "/frontend/settings": get("Says what clients show.", schema(charLimit={"type": "integer"})),
        "/health": get("Says that the server answers.", schema(["status"], status=TEXT)),
        "/metrics": get("Counts, in the text format of Prometheus.", TEXT, "text/plain"),
    },
}
"""The OpenAPI document."""


def documentation() -> str:
    """Returns the page for those who read: each route, what it takes, and an example."""
    parts = []
    for path, methods in API["paths"].items():
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
        element("title", API["info"]["title"]),
        element("style", read_scripts(("base.css",))),
    )
    header = element("header", element("h1", API["info"]["title"]))
    intro = element("p", f"{API['info']['description']} For programs: ", link, ". ")
    page = element("html", head, element("body", header, intro, element("main", *parts)), lang="en")
    return "<!DOCTYPE html>\n" + tostring(page, encoding="unicode", method="html")
