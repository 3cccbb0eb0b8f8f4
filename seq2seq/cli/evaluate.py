"""``seq2seq evaluate``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from seq2seq.cli.options import (
    DecodingCommand,
    FileOption,
    load_translator,
    parse_decoding,
    print_json,
    read_test,
    test_problems,
)
from seq2seq.cli.parse import name_after_run
from seq2seq.config.experiment import Experiment, Tokenization
from seq2seq.console import write_stderr
from seq2seq.errors import DataError


@dataclass(frozen=True)
class Evaluate(DecodingCommand):
    """Translate a source file and score the result by every metric, each with its signature.

    seq2seq evaluate runs/mine test.en test.fr

    seq2seq evaluate runs/mine --source test.en --reference test.fr second.fr

    Where it can be known that the model was trained on some of the pairs, that source and reference
    are exchanged, or that they are of other languages, a warning says so.
    """

    source: FileOption = ""
    """The source sentences, a line each (compressed too); or a table of pairs, as for seq2seq
    train, which has the references, too."""
    reference: tuple[FileOption, ...] = ()
    """The references, line-aligned with the source; several files if there are several. An empty
    line beside others is no reference."""
    tokenize: Tokenization | None = None
    """sacreBLEU's tokenization, which BLEU counts words by. None: the run's own."""
    lowercase: bool = False
    """Score without case; always so for a run that was trained on lower-cased text."""
    output: FileOption = ""
    """Write the translations to this file."""
    json: bool = False
    """Print one JSON object."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        yield from test_problems(self.source, self.reference)
        yield from super().problems()


def evaluate_command(arguments: list[str]) -> None:
    """Translate a source file and score the result against references."""
    arguments = name_after_run(arguments, "--source", "--reference")
    command, run = parse_decoding(Evaluate, arguments, "seq2seq evaluate")
    from seq2seq.evaluation.metrics import METRICS, bleu_metric, evaluate
    from seq2seq.translation.check_test_text import doubts

    files, (sources, *streams) = read_test(command.source, command.reference)
    # What would go wrong after the work is found out before it.
    trained = run.experiment(Experiment)
    tokenize = command.tokenize or trained.tokenize
    bleu_metric(tokenize)
    for doubt in doubts(run, files, sources, streams):
        write_stderr(f"warning: {doubt}")
    translator = load_translator(command, run)
    check_output(command.output, [command.source, *command.reference])
    hypotheses = translator.translate(sources)
    write_lines(command.output, hypotheses)
    references = [list(entry) for entry in zip(*streams, strict=True)]
    scores = evaluate(
        hypotheses,
        references,
        tokenize=tokenize,
        lowercase=command.lowercase or trained.data.lowercase,
    )
    if command.json:
        print_json({name: score._asdict() for name, score in scores.items()})
        return
    titles = max(len(metric.title) for metric in METRICS.values())
    for name, score in scores.items():
        print(f"{METRICS[name].title:{titles}}  {score}")


def check_output(path: str, inputs: Sequence[str]) -> None:
    """Raises DataError unless `path` can be written, and is none of the files that are read."""
    if any(os.path.realpath(path) == os.path.realpath(other) for other in inputs):
        raise DataError(f"--output {path} is one of the files to read: give another name")
    write_lines(path, [], mode="a")  # which leaves a file as it is


def write_lines(path: str, lines: Sequence[str], mode: Literal["w", "a"] = "w") -> None:
    """Writes lines to a file, if one is named; DataError if it can't be written."""
    if not path:
        return
    try:
        with open(path, mode, encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in lines)
    except OSError as error:
        raise DataError(f"{path} could not be written: {error.strerror}") from error
