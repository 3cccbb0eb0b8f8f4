"""The page of a pair of languages: that of an HTML export, but the server translates."""

from __future__ import annotations

import dataclasses
from urllib.parse import urlencode
from xml.etree.ElementTree import Element, tostring

from seq2seq.config.language_tags import language_name
from seq2seq.export.html import describe_pipeline, fill_template, to_json
from seq2seq.report.elements import element
from seq2seq.serving.models import ServedModel, ServedModels

SCRIPTS = (
    *("normalization.js", "rule_based.js", "sentencepiece.js", "translator.js", "words.js"),
    *("server.js", "output.js", "searchers.js", "page.js"),
)
"""What shows candidates, and the tokenizers, which find the words that tokens belong to."""


def server_page(model: ServedModel, models: ServedModels) -> str:
    """Returns the HTML of the page of a model, with links to those of the others."""
    translator, pair = model.translator, (model.source, model.target)
    about = dataclasses.replace(
        translator.about, source_language=model.source, target_language=model.target
    )
    settings = translator.settings
    description = {
        "about": dataclasses.asdict(about),
        "source": describe_pipeline(translator.source),
        "target": describe_pipeline(translator.target),
        "decoding": {
            "beam_size": settings.beam_size,
            "length_penalty": settings.length_penalty,
            "max_source_length": settings.max_source_length,
        },
    }
    links = [link(each) for each in models if (each.source, each.target) != pair]
    return fill_template(
        about,
        SCRIPTS,
        "connect-src 'self'",
        {
            "description": to_json(description),
            "note": "What you type is sent to the server that this page comes from.",
            "links": tostring(element("nav", *links), encoding="unicode") if links else "",
        },
    )


def link(model: ServedModel) -> Element:
    """Returns a link to the page of a model."""
    names = " to ".join(map(language_name, (model.source, model.target)))
    query = urlencode({"source": model.source, "target": model.target})
    return element("a", names, href=f"?{query}")
