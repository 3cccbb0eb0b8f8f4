"""The models that are served: loaded, each with its pair of languages, and found by it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from seq2seq.config.language_tags import is_well_formed, language_name
from seq2seq.decoding.batches import hypotheses_each
from seq2seq.errors import SettingsError
from seq2seq.export.about import about_run
from seq2seq.export.directory import Export, open_export
from seq2seq.export.html import UNSAID
from seq2seq.runs.directory import RunDirectory
from seq2seq.runs.hub import resolve
from seq2seq.serving.errors import RequestError
from seq2seq.translation.exported_engine import ExportedEngine
from seq2seq.translation.results import Translation
from seq2seq.translation.translator import Translator

if TYPE_CHECKING:  # it needs torch, and an export does without
    from seq2seq.runs.run import Run

SPELLED = re.compile(r"([A-Za-z0-9:-]+)=(.+)")
"""A run with its languages, as de-en=runs/mine."""


class ServedModel(NamedTuple):
    """A model with the languages that it translates from and into."""

    source: str
    target: str
    path: str
    translator: Translator
    has_attention: bool

    @property
    def name(self) -> str:
        """The pair of languages, as "de-en"."""
        return f"{self.source}-{self.target}"

    @property
    def most_candidates(self) -> int:
        """How many candidates a search has without being a wider one, which could find another."""
        return hypotheses_each(self.translator.settings, 1)

    def is_cut(self, text: str, found: Translation) -> bool:
        """Whether a sentence has more tokens than were read, as its settings say."""
        most = self.translator.settings.max_source_length
        if len(found.source_tokens) < most:
            return False
        return len(self.translator.source.tokenizer.tokenize_all([text])[0]) > most

    def candidates(self, texts: list[str], n: int, *, attention: bool) -> list[list[Translation]]:
        """Returns the best candidates of each sentence, as `Translator.candidates`.

        Args:
            texts: the sentences.
            n: at most so many of each, and at most `most_candidates`.
            attention: whether each is to have its attention, if the model has any.
        """
        engine, size = self.translator.engine, self.translator.settings.batch_size
        if isinstance(engine, ExportedEngine):  # it computes each batch in one thread
            size = min(size, -(-len(texts) // engine.threads))
        return self.translator.candidates(
            texts,
            min(n, self.most_candidates),
            attention=attention and self.has_attention,
            batch_size=size,
        )


class ServedModels:
    """All models of a server.

    Args:
        runs: directories of runs and exports; with their languages, as de-en=runs/mine, if they
            don't know them.
        device: where those that are not exported compute.

    Raises:
        SettingsError: a run does not say its languages; two are of the same pair.
        RunError: as `Translator.load`.
    """

    def __init__(self, runs: Sequence[str], device: str = "auto") -> None:
        self.by_pair: dict[tuple[str, str], ServedModel] = {}
        named = [open_pair(run) for run in runs]
        paths: dict[tuple[str, str], str] = {}
        for path, pair, _ in named:
            if pair in paths:
                raise SettingsError(
                    f"{paths[pair]} and {path} both translate {pair[0]} into {pair[1]}: serve one "
                    f"of them, or say what the other one is: LANGUAGE-LANGUAGE={path}"
                )
            paths[pair] = path
        for path, pair, opened in named:
            self.by_pair[pair] = load_model(path, pair, opened, device)

    def __iter__(self) -> Iterator[ServedModel]:
        return iter(self.by_pair.values())

    @property
    def codes(self) -> list[str]:
        """The tags of all languages, sorted by their names."""
        return sorted({code for pair in self.by_pair for code in pair}, key=language_name)

    def targets(self, source: str) -> list[str]:
        """The tags of the languages that one is translated into."""
        return [code for code in self.codes if (source, code) in self.by_pair]

    def sources(self, target: str) -> list[str]:
        """The tags of the languages that are translated into one."""
        return [code for code in self.codes if (code, target) in self.by_pair]

    def code(self, given: str) -> str:
        """Returns the tag that is meant: the same, or the only one of the same language.

        Raises:
            RequestError: there is no such language here.
        """
        same = [code for code in self.codes if code.lower() == given.lower()]
        primary = given.lower().partition("-")[0]
        like = [code for code in self.codes if code.lower().partition("-")[0] == primary]
        if not same and len(like) != 1:
            known = ", ".join(self.codes)
            raise RequestError(400, f"{given[:40]!r} is no language of this server: it has {known}")
        return (same or like)[0]

    def find(self, source: str, target: str) -> ServedModel:
        """Returns the model of a pair of tags; RequestError if there is none."""
        source, target = self.code(source), self.code(target)
        if (source, target) not in self.by_pair:
            known = ", ".join(model.name for model in self)
            raise RequestError(400, f"{source} is not translated into {target} here, only {known}")
        return self.by_pair[source, target]


def open_pair(run: str) -> tuple[str, tuple[str, str], Run | Export]:
    """Opens a run or an export.

    Returns:
        Where it is, its languages as they are given, or as it says, and itself.

    Raises:
        SettingsError: it does not say its languages.
        RunError: there is no run, or it is damaged.
    """
    spelled = None if os.path.exists(run) else SPELLED.fullmatch(run)
    path = spelled[2] if spelled else run
    opened: Run | Export | None = open_export(path)
    if isinstance(opened, Export):
        about = opened.experiment().about
    else:
        where = resolve(path)
        RunDirectory(where).check_exists()  # before torch is imported
        from seq2seq.runs.run import Run

        opened = Run(where)
        about = about_run(opened)
    pair = split_pair(spelled[1]) if spelled else (about.source_language, about.target_language)
    if not all(code not in ("", UNSAID) for code in pair):
        raise SettingsError(
            f"{path} does not say from which language into which it translates: name them, as "
            f"de-en={path}"
        )
    return path, pair, opened


def split_pair(text: str) -> tuple[str, str]:
    """Returns two language tags that are written as one.

    >>> split_pair("de-en"), split_pair("pt-BR:en")
    (('de', 'en'), ('pt-BR', 'en'))

    Raises:
        SettingsError: they are no tags, or it is not clear where the second one begins.
    """
    sign = ":" if ":" in text else "-"
    places = [place for place, character in enumerate(text) if character == sign]
    pairs = [(text[:place], text[place + 1 :]) for place in places]
    found = [pair for pair in pairs if all(map(is_well_formed, pair))]
    if len(found) != 1:
        raise SettingsError(
            f"{text}= does not name two languages: write their tags with a colon, as pt-BR:en=RUN"
        )
    return found[0]


def load_model(path: str, pair: tuple[str, str], opened: Run | Export, device: str) -> ServedModel:
    """Loads the translator of a run or an export, and translates a word, so that it is ready."""
    translator = Translator.load(opened, "auto" if isinstance(opened, Export) else device)
    try:
        translator.with_settings({}, attention=True)
        has_attention = True
    except SettingsError:
        translator.with_settings({})
        has_attention = False
    translator.translate("a")
    return ServedModel(*pair, path, translator, has_attention)
