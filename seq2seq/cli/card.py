"""``seq2seq card``; and what it shares with ``seq2seq push``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from seq2seq.cli.options import (
    Device,
    FileOption,
    RunArgument,
    is_other_kind,
    open_run,
    parse_again,
    parse_command,
    read_test,
    test_problems,
)
from seq2seq.cli.parse import name_after_run
from seq2seq.cli.report import validation_signature
from seq2seq.config.about import AboutSettings
from seq2seq.config.changes import check_unused
from seq2seq.config.experiment import Experiment
from seq2seq.config.wording import counted
from seq2seq.console import write_stderr
from seq2seq.errors import RunError, SettingsError
from seq2seq.runs.files import write_text
from seq2seq.runs.hub import check_repository, resolve
from seq2seq.training.preflight import device_problems

if TYPE_CHECKING:
    from seq2seq.export.card import CardScore
    from seq2seq.export.directory import Export
    from seq2seq.runs.run import Run


@dataclass(frozen=True)
class DescribedModel:
    """A model that is handed on with a card, and what the card says of it."""

    run: RunArgument
    """The run directory, or that of an export."""
    repository: Annotated[str, tyro.conf.arg(metavar="USER/NAME")] = ""
    """The name of the model on the Hub."""
    licence: str = ""
    """Under which licence you give the model, by its name on the Hub: apache-2.0, cc-by-4.0, …
    (--about.licence is that of the text.)"""
    about: AboutSettings = field(default_factory=AboutSettings)
    """What is said of the model. What is not given is as in the run; what is given as
    "" is not said."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        if self.repository:
            try:
                check_repository(self.repository)
            except SettingsError as error:
                yield str(error)
        for line in AboutSettings(licence=self.licence).problems():
            yield line.replace("--about.licence", "--licence")

    def unsaid(self) -> list[str]:
        """The options that would state what the card calls not stated."""
        about = [item.name for item in fields(self.about) if not getattr(self.about, item.name)]
        flags = [f"--about.{name.replace('_', '-')}" for name in about]
        return flags if self.licence else [*flags, "--licence"]


@dataclass(frozen=True)
class CardCommand(DescribedModel):
    """Write a model card: what there is to say of a model, in Markdown, as the Hub shows it.

    seq2seq card runs/mine --about.author "Our school" --licence cc-by-4.0 --out card.md

    seq2seq card runs/mine test.de test.en --test-name "Our stories, part 3"

    It says nothing of the machine, of directories and of the command line. What is not known is
    called not stated. Scores are those of the validation, and of a test text, if one is given.
    """

    source: FileOption = ""
    """A test text to translate and score, a sentence a line (compressed too); or a table of pairs,
    which has the references, too."""
    reference: tuple[FileOption, ...] = ()
    """Its references, line-aligned; several files if there are several."""
    test_name: Annotated[str, tyro.conf.arg(metavar="TEXT")] = ""
    """What the test text is called in the card. Empty: a test text, and its size."""
    out: FileOption = ""
    """The file to write. Empty: standard output."""
    overwrite: bool = False
    """Replace a file that is there."""
    device: Device = "auto"
    """Where to compute; auto takes what is there."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        yield from super().problems()
        if is_other_kind(self.out, (".md", ".markdown", ".txt")):
            yield f"--out {self.out}: a card is a text in Markdown: give FILE.md"
        if self.source or self.reference:
            yield from test_problems(self.source, self.reference)
        used = dict.fromkeys(("test_name", "device"), bool(self.source))
        yield from check_unused(self, "--", used, "no test text: give --source and --reference")
        yield from check_unused(self, "--", {"overwrite": bool(self.out)}, "no --out FILE")
        yield from device_problems(self.device)


def card_command(arguments: list[str]) -> None:
    """Write a model card: languages, text, licences, scores, use and limits of a model."""
    prog = "seq2seq card"
    arguments = name_after_run(arguments, "--source", "--reference")
    command = parse_command(CardCommand, arguments, prog)
    out = Path(command.out)
    if command.out and (out.is_dir() or (out.exists() and not command.overwrite)):
        raise RunError(f"{out} is there already: give another --out, or --overwrite for a file")
    model = open_model(command.run)
    command = parse_again(command, arguments, prog, about=about_model(model))
    scores, doubts = test_scores(command, model)
    text = write_card(command, model, [*validation_scores(model), *scores], doubts)
    if command.out:
        write_text(out, text)
    else:
        print(text, end="")
    for doubt in doubts:
        write_stderr(f"warning: {doubt}")
    for line in notes(command):
        write_stderr(line)
    if not command.source:
        write_stderr("scores of a test text: seq2seq card RUN SOURCE REFERENCE")


def notes(command: DescribedModel) -> Iterator[str]:
    """Yields a line about what the card does not state, and how it is stated."""
    if unsaid := command.unsaid():
        yield f"not stated in the card, to be added with: {', '.join(unsaid)}"


def open_model(location: str) -> Run | Export:
    """Opens the run or the export of a translation model.

    Raises:
        RunError, SettingsError: there is none, or it is damaged or of another kind.
    """
    from seq2seq.export.directory import open_export

    path = resolve(location)
    model = open_export(path) or open_run(path)
    model.experiment(Experiment)
    return model


def about_model(model: Run | Export) -> AboutSettings:
    """Returns what a run or an export says of itself."""
    from seq2seq.export.about import about_run
    from seq2seq.export.directory import Export

    return model.known.about if isinstance(model, Export) else about_run(model)


def write_card(
    command: DescribedModel,
    model: Run | Export,
    scores: Sequence[CardScore] = (),
    doubts: Sequence[str] = (),
) -> str:
    """Returns the card of a run or an export."""
    from seq2seq.export.card import Card, describe, export_settings, render, run_settings
    from seq2seq.export.directory import Export

    if isinstance(model, Export):
        settings = export_settings(model)
    else:
        from seq2seq.training.dry_run import count_weights
        from seq2seq.translation.ensemble import load_translation_model

        settings = run_settings(model, count_weights(load_translation_model(model).model))
    return render(
        Card(
            command.about,
            command.licence,
            command.repository,
            describe(dict(settings)),
            made_with(model),
            settings,
            scores,
            model.experiment(Experiment).decoding.max_source_length,
            isinstance(model, Export),
            doubts,
        )
    )


def made_with(model: Run | Export) -> str:
    """Returns the version of seq2seq that made a run or an export."""
    made = model.metadata.get("begun", {}).get("versions", {}) or model.metadata
    return str(made.get("seq2seq", "of unknown version"))


def validation_scores(model: Run | Export) -> Iterator[CardScore]:
    """Yields the BLEU of the validation that chose the weights, if it is known."""
    from seq2seq.export.card import CardScore
    from seq2seq.export.directory import Export

    if isinstance(model, Export) or not model.directory.metrics.is_file():
        return
    from seq2seq.plotting.learning_curves import read_metrics

    best = [row for row in read_metrics(model.directory.metrics) if row.get("best")]
    found = best[-1].get("bleu") if best else None
    if isinstance(found, int | float):
        signature = validation_signature(model.experiment(Experiment))
        yield CardScore("validation text, greedy search", "bleu", "BLEU", found, signature)


def test_scores(command: CardCommand, model: Run | Export) -> tuple[list[CardScore], list[str]]:
    """Returns the scores of the test text, as `seq2seq evaluate` has them, and what it warns of."""
    if not command.source:
        return [], []
    from seq2seq.evaluation.metrics import METRICS, bleu_metric, evaluate
    from seq2seq.export.card import CardScore
    from seq2seq.translation.check_test_text import doubts
    from seq2seq.translation.translator import Translator

    files, (sources, *streams) = read_test(command.source, command.reference)
    experiment = model.experiment(Experiment)
    bleu_metric(experiment.tokenize)  # what would go wrong after the work
    hypotheses = Translator.load(model, command.device).translate(sources)
    scores = evaluate(
        hypotheses,
        [list(entry) for entry in zip(*streams, strict=True)],
        tokenize=experiment.tokenize,
        lowercase=experiment.data.lowercase,
    )
    name = command.test_name or f"a test text of {counted(len(sources), 'sentence')}"
    found = [
        CardScore(name, metric, METRICS[metric].title, *score) for metric, score in scores.items()
    ]
    return found, [f"{name}: {each}" for each in doubts(model, files, sources, streams)]
