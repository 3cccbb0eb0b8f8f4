"""``seq2seq rerank``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from seq2seq.cli.options import (
    Device,
    FileOption,
    InputArgument,
    RunArgument,
    RunOption,
    input_lines,
    open_run,
    parse_command,
    read_aligned,
)
from seq2seq.config.experiment import Experiment, Tokenization
from seq2seq.config.fields import Range
from seq2seq.errors import DataError
from seq2seq.training.preflight import device_problems


@dataclass(frozen=True)
class Rerank:
    """Translate FILE, or standard input, choosing among the best candidates by other models.

    A candidate's score is a weighted sum: log-probability, number of tokens, log-probability by a
    language model and by a reverse model. The weights are tuned for BLEU on validation text.
    """

    run: RunArgument
    """The run directory of the translation model."""
    file: InputArgument = "-"
    """What to translate: a text file (compressed too), or - for standard input."""
    language_model: RunOption = ""
    """A language model of the target language; its vocabulary may be another."""
    reverse: RunOption = ""
    """A translation model from the target language to the source language."""
    n: Annotated[int, Range(2)] = 20
    """How many candidates of each sentence to choose among."""
    tune_source: FileOption = ""
    """Validation sentences, to tune the weights on."""
    tune_reference: tuple[FileOption, ...] = ()
    """Their references, line-aligned with them; several files if there are several. An empty line
    beside others is no reference."""
    weights: FileOption = ""
    """A JSON file with weights: written after tuning, else read."""
    tokenize: Tokenization | None = None
    """sacreBLEU's tokenization for tuning. None: the run's own."""
    device: Device = "auto"
    """Where to compute; auto takes what is there."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        if bool(self.tune_source) != bool(self.tune_reference):
            yield "--tune-source and --tune-reference belong together: give both"
        elif not self.tune_source and not self.weights:
            yield (
                "no weights: tune them with --tune-source and --tune-reference, or read tuned ones "
                "with --weights FILE"
            )
        if not self.language_model and not self.reverse:
            yield "no other model: give --language-model RUN, --reverse RUN or both"
        yield from device_problems(self.device)


def rerank_command(arguments: list[str]) -> None:
    """Translate a file or standard input, choosing among candidates by other models."""
    command = parse_command(Rerank, arguments, "seq2seq rerank")
    tunes = bool(command.tune_source)
    from seq2seq.language_modeling.model import LanguageModel
    from seq2seq.translation.reranker import Reranker
    from seq2seq.translation.translator import Translator

    if tunes:
        sources, *streams = read_aligned(command.tune_source, *command.tune_reference)
    language, device = command.language_model, command.device
    run = open_run(command.run)
    reranker = Reranker(
        Translator.load(run, device),
        language=LanguageModel.load(language, device) if language else None,
        reverse=Translator.load(command.reverse, device) if command.reverse else None,
        n=command.n,
        weights=None if tunes else read_weights(command.weights),
    )
    if tunes:
        tokenize = command.tokenize or run.experiment(Experiment).tokenize
        references = [list(entry) for entry in zip(*streams, strict=True)]
        bleu = reranker.tune(sources, references, tokenize=tokenize)
        print(f"BLEU {bleu:.2f} on {command.tune_source} with", end="", file=sys.stderr)
        shown = (f" {name} {weight:.4f}" for name, weight in reranker.weights.items())
        print(*shown, sep=",", file=sys.stderr)
        if command.weights:
            write_weights(command.weights, reranker.weights)
    for text in reranker.translate(input_lines(command.file)):
        print(text)


def read_weights(path: str) -> dict[str, float]:
    """Reads weights by name; DataError, naming the file, if that is not what is there."""
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror}") from error
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}") from error
    if not isinstance(values, dict) or not all(type(v) in (int, float) for v in values.values()):
        raise DataError(f"{path} must be a JSON object with a number for each name")
    return {name: float(value) for name, value in values.items()}


def write_weights(path: str, weights: dict[str, float]) -> None:
    """Writes what `read_weights` reads; DataError if it can't be written."""
    try:
        Path(path).write_text(json.dumps(weights, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path} can't be written: {error.strerror}") from error
