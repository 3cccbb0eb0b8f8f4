"""What is to be said of a test text before its scores are believed.

That a model has learned from it, can be known where the files that the run names still stand there,
or where it is the run's text as a whole: a run keeps the SHA-256 of its text, and not the text. Of
text that was fetched, handed over in Python or is larger than memory, nothing is known.

Whether source and reference are exchanged, or of another language, the run's vocabularies say:
how often each token occurs in text of a language, they know.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from seq2seq.config.data import DataSettings
from seq2seq.config.experiment import Experiment
from seq2seq.config.language_tags import language_name
from seq2seq.data.pairs import comparable
from seq2seq.data.readers.headers import Columns, as_column
from seq2seq.data.readers.languages import guess_languages
from seq2seq.data.readers.streams import stream_pairs
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.errors import Seq2SeqError
from seq2seq.export.about import about_run
from seq2seq.export.directory import Export
from seq2seq.runs.metadata import summarize_text
from seq2seq.runs.run import Run
from seq2seq.translation.prepared_runs import is_large
from seq2seq.translation.text import column_names

LINES = 1000
"""So many of a test text say in which language it is."""
EXCHANGED = 0.8
"""Exchanged text has less than this share of its own nats if it is read the other way: on Multi30k
a third, on other text of the right languages, which is never below 1 as it stands, two thirds."""
UNKNOWN = 0.2
"""The share of letters that no token of a vocabulary has: text of the language has hardly any."""


def doubts(
    model: Run | Export,
    files: Sequence[str],
    sources: Sequence[str],
    references: Sequence[Sequence[str]],
) -> Iterator[str]:
    """Yields a line for each reason to doubt the scores of a model on a text.

    Args:
        model: that translates.
        files: those of the text, source first.
        sources: the sentences to translate.
        references: line-aligned with them, a list for each file.
    """
    yield from learned_from(model, sources, references)
    found = [*wrong_sides(model.pipelines(), sources, references[0])]
    yield from found or other_languages(model, files)


def learned_from(
    model: Run | Export, sources: Sequence[str], references: Sequence[Sequence[str]]
) -> Iterator[str]:
    """Yields how many pairs stand in the text that a run has learned from, or was chosen by."""
    text = model.metadata.get("text", {}) if isinstance(model, Run) else {}
    known = {part.get("sha256"): name for name, part in text.items()}
    part = known.get(summarize_text([sources, references[0]]).sha256, "")
    if part.startswith("validation"):
        yield "this is the run's validation text, by which its weights were chosen"
    count = len(sources) if part == "train" else 0
    if not count:
        pairs = [
            {(comparable(source), comparable(target)) for target in targets if target.strip()}
            for source, *targets in zip(sources, *references, strict=True)
        ]
        wanted = {pair for each in pairs for pair in each}
        data = model.experiment(Experiment).data
        found = {pair for pair in training_pairs(data) if pair in wanted}
        count = sum(not found.isdisjoint(each) for each in pairs)
    if count:
        yield (
            f"{count:,} of {len(sources):,} pairs stand in the text that the model was trained on, "
            "or in what was set aside from it: scores of new sentences are lower"
        )


def training_pairs(data: DataSettings) -> Iterator[tuple[str, str]]:
    """Yields the pairs of all training files that are still there, as `comparable` text."""
    if is_large(data):
        return
    usual = as_column(data.source), as_column(data.target)
    corpora = [(data.train, data.train_target, usual)]
    corpora += [(each.train, each.train_target, column_names(data, each)) for each in data.mix]
    for files, targets, columns in corpora:
        for file, target in zip(files, targets or [""] * len(files), strict=True):
            paths = [Path(path) for path in (file, target) if path]
            given = tuple(column for column in columns if column is not None) or None
            if not all(path.is_file() for path in paths):
                continue
            with warnings.catch_warnings(), suppress(Seq2SeqError):  # it may be another file now
                warnings.simplefilter("ignore")
                for record in stream_pairs(paths, Columns(("source", "target"), given)):
                    if record.pair:
                        yield comparable(record.pair.source), comparable(record.pair.target)


def wrong_sides(
    pipelines: Sequence[TextPipeline], sources: Sequence[str], references: Sequence[str]
) -> Iterator[str]:
    """Yields what is wrong about the languages of both sides, as the vocabularies know them."""
    sides = sources[:LINES], references[:LINES]
    source, target = pipelines
    as_given = nats(source, sides[0]) + nats(target, sides[1])
    if nats(source, sides[1]) + nats(target, sides[0]) < EXCHANGED * as_given:
        yield "source and reference seem to be exchanged: the source goes first"
        return
    for name, pipeline, lines in zip(("source", "reference"), pipelines, sides, strict=True):
        known = {character for token in pipeline.vocab for character in token}
        letters = [character for line in lines for character in line if character.isalpha()]
        share = sum(letter not in known for letter in letters) / max(len(letters), 1)
        if share > UNKNOWN:
            yield (
                f"of the letters of the {name}, {share:.0%} are unknown to the model: "
                "is it of another language?"
            )


def nats(pipeline: TextPipeline, lines: Sequence[str]) -> float:
    """How improbable some lines are, token by token, as often as each was seen in training."""
    vocab = pipeline.vocab
    total = sum(map(vocab.count, vocab)) + len(vocab)
    tokens = (token for each in pipeline.tokenizer.tokenize_all(lines) for token in each)
    return sum(math.log(total / (vocab.count(token) + 1)) for token in tokens)


def other_languages(model: Run | Export, files: Sequence[str]) -> Iterator[str]:
    """Yields that files are called by other languages than the model's, if both are known."""
    about = model.known.about if isinstance(model, Export) else about_run(model)
    own = about.source_language, about.target_language
    said = guess_languages(files[:2])
    if not all((*own, *said)) or "und" in own:
        return
    names = [[tag.partition("-")[0] for tag in tags] for tags in (own, said)]
    if names[0] != names[1]:
        ours, theirs = (" to ".join(map(language_name, tags)) for tags in (own, said))
        yield f"the model translates {ours}, and the names of the files say {theirs}"
