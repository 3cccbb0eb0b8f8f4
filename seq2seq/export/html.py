"""A translation model -> one HTML file, which translates in a browser, offline."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seq2seq.config.about import AboutSettings
from seq2seq.config.base import to_dict
from seq2seq.config.decoding import DecodingSettings
from seq2seq.config.experiment import Experiment
from seq2seq.data.tokenizers.base import Tokenizer
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.data.tokenizers.rule_based import CharacterTokenizer, RuleBasedTokenizer
from seq2seq.data.tokenizers.sentencepiece import SentencePieceTokenizer
from seq2seq.errors import RunError, SettingsError
from seq2seq.export.about import About
from seq2seq.runs.files import system_errors, write_bytes

if TYPE_CHECKING:
    from seq2seq.models.translation import TranslationModel

WEB = Path(__file__).parent / "web"
WORKER = (
    *("vectors.js", "weights.js", "cells.js", "encoder.js", "attention.js", "decoder.js"),
    *("normalization.js", "search.js", "rule_based.js", "sentencepiece.js"),
    *("translator.js", "words.js"),
)
"""What translates, in the order in which it is read."""
PAGE = (
    *("output.js", "inside.js", "steps.js", "tree.js", "states.js", "context.js"),
    *("searchers.js", "page.js"),
)
"""What shows it."""
DECODING = (
    *("beam_size", "length_penalty", "min_length", "max_length", "max_length_ratio"),
    *("max_length_extra", "max_source_length"),
)
"""The settings of decoding that the search of the page follows."""
MARK = b"Made with seq2seq."
"""What is in every page and report, and hardly in another file."""
UNSAID = "und"
"""The tag of a language that is not to be said."""
EFFECTLESS = ("batch_size", "batch_tokens")
"""Those that never change a result."""


class Content:
    """What a page holds of a model.

    Attributes:
        description: the model, both sides' tokenizers and vocabularies, and the search, as JSON.
        numbers: the weights.

    Raises:
        SettingsError: the JavaScript has no way for a part of the model.
        RunError: a weight is not finite.
    """

    def __init__(
        self,
        model: TranslationModel,
        pipelines: tuple[TextPipeline, TextPipeline],
        experiment: Experiment,
    ) -> None:
        from seq2seq.export.browser import Numbers, describe

        self.numbers = Numbers()
        source, target = (describe_pipeline(each) for each in pipelines)
        self.description: dict[str, Any] = {
            "source": source,
            "target": target,
            "decoding": {name: getattr(experiment.decoding, name) for name in DECODING},
            **describe(model, self.numbers),
        }

    def embed(self, about: About) -> tuple[str, str]:
        """Returns what stands in a page: the description, and the weights in Base64."""
        description = to_json({"about": dataclasses.asdict(about), **self.description})
        return description, base64.b64encode(self.numbers.pack(description)).decode("ascii")


def ignored(settings: DecodingSettings) -> list[str]:
    """Returns the names of settings that the page does not follow, and that are not the default."""
    given, defaults = to_dict(settings), to_dict(DecodingSettings())
    followed = (*DECODING, *EFFECTLESS)
    return [name for name in given if name not in followed and given[name] != defaults[name]]


def describe_pipeline(pipeline: TextPipeline) -> dict[str, Any]:
    """Returns tokenizer and vocabulary of a side as JSON."""
    return {
        "tokenizer": describe_tokenizer(pipeline.tokenizer),
        "vocabulary": list(pipeline.vocab),
    }


def describe_tokenizer(tokenizer: Tokenizer) -> dict[str, Any]:
    """Returns a tokenizer as JSON, SentencePiece's with its pieces and their scores.

    Raises:
        SettingsError: it is one that the JavaScript does not have.
    """
    if not isinstance(tokenizer, RuleBasedTokenizer | SentencePieceTokenizer):
        raise SettingsError(f"a page has no tokenizer like {type(tokenizer).__name__}")
    described: dict[str, Any] = {
        "kind": tokenizer.kind,
        "lowercase": tokenizer.lowercase,
        "special_symbols": list(tokenizer.special_symbols),
        "keep_white_space": isinstance(tokenizer, CharacterTokenizer)
        and tokenizer.keep_white_space,
    }
    if isinstance(tokenizer, SentencePieceTokenizer):
        described["algorithm"] = tokenizer.algorithm
        described["pieces"] = list(tokenizer.scores)
        described["scores"] = list(tokenizer.scores.values())
    return described


def read_scripts(names: tuple[str, ...]) -> str:
    """Returns the text of some files of `WEB`, one behind the other."""
    return "\n".join((WEB / name).read_text(encoding="utf-8") for name in names)


def to_json(value: object) -> str:
    """Returns JSON that can stand in a page: no `<` is in it, so that nothing in it is a tag."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def title(about: AboutSettings) -> str:
    """Returns a title without the names of languages, which browsers know."""
    tags = (about.source_language, about.target_language)
    return f"Translator {' → '.join(tag for tag in tags if tag not in ('', UNSAID))}".strip()


def page(content: Content, about: About) -> str:
    """Returns the HTML of a page that has its model inside."""
    description, weights = content.embed(about)
    parts = {
        "worker": read_scripts((*WORKER, "worker.js")),
        "description": description,
        "weights": weights,
        "note": "Everything is in this one file: it needs no network, and what you type stays on "
        "this device.",
    }
    return fill_template(about, ("workers.js", *PAGE), "worker-src blob:", parts)


def fill_template(
    about: AboutSettings, scripts: tuple[str, ...], source: str, parts: Mapping[str, str]
) -> str:
    """Returns the HTML of a page: the template with everything in its place.

    Args:
        about: what is said of the model.
        scripts: the files of what shows it.
        source: the directive of the policy that says where translations come from.
        parts: what else has a place, as HTML; nothing for those that are not given.
    """
    style, script = read_scripts(("base.css", "style.css")), read_scripts(scripts)
    whole = {
        **dict.fromkeys(("worker", "weights", "links"), ""),
        "policy": policy(style, script, source),
        "title": html.escape(title(about)),
        "style": style,
        "script": script,
        **parts,
    }
    template = read_scripts(("page.html",))
    # All at once, so that nothing that was put in is looked at for further places.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: whole[match[1]], template)


def policy(style: str, script: str, source: str) -> str:
    """Returns a Content-Security-Policy: one style, one script, and where translations are from."""
    hashes = (
        base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
        for text in (style, script)
    )
    style_hash, script_hash = hashes
    return (
        f"default-src 'none'; script-src 'sha256-{script_hash}'; {source}; "
        f"style-src 'sha256-{style_hash}'; base-uri 'none'; form-action 'none'"
    )


def write_page(path: str | Path, text: str, *, overwrite: bool = False) -> None:
    """Writes a page.

    Raises:
        RunError: as `check_new`, or it can't be written.
    """
    check_new(path, overwrite=overwrite)
    write_bytes(Path(path), text.encode("utf-8"))


def check_new(path: str | Path, *, overwrite: bool) -> None:
    """Raises RunError unless a page may be written there; with `overwrite`, over another page."""
    path = Path(path)
    if path.is_dir():
        raise RunError(f"{path} is a directory: give the name of a file, as --out translator.html")
    if not path.parent.is_dir():
        raise RunError(f"{path} can't be written: there is no directory {path.parent}")
    if not path.exists():
        return
    with system_errors(f"{path} can't be read"):
        is_page = path.is_file() and MARK in path.read_bytes()
    if not is_page:
        raise RunError(f"{path} is something else than a page, and is kept: give another --out")
    if not overwrite:
        raise RunError(
            f"{path} is a page already: give another --out, or replace it with --overwrite"
        )
