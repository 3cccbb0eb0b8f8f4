"""``seq2seq report``."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from seq2seq.cli.config_file import setting_types
from seq2seq.cli.options import (
    Device,
    FileOption,
    RunArgument,
    is_other_kind,
    open_run,
    parse_command,
    read_test,
    test_problems,
)
from seq2seq.cli.parse import name_after_run
from seq2seq.cli.show import (
    EXPERIMENTS,
    about_rows,
    best_rows,
    changed_settings,
    origin_rows,
    size_rows,
    text_rows,
    vocabulary_rows,
)
from seq2seq.config.base import settings_in
from seq2seq.config.changes import check_unused
from seq2seq.config.experiment import BaseExperiment, Experiment
from seq2seq.config.fields import PositiveInt
from seq2seq.console import write_stderr
from seq2seq.errors import SettingsError
from seq2seq.runs.hub import is_hub_location
from seq2seq.training.preflight import device_problems

if TYPE_CHECKING:
    from seq2seq.report.scored import ScoredText
    from seq2seq.runs.run import Run


@dataclass(frozen=True)
class ReportCommand:
    """Write one HTML file about a run: settings, curves, samples; scores of a test text, if given.

    seq2seq report runs/mine

    seq2seq report runs/mine test.en test.fr --out report.html

    It is opened in a browser, needs no network, and prints. It quotes validation and test text; of
    the machine, of directories and of the command line it says nothing, but with --origin.
    """

    run: RunArgument
    """The run directory, of any kind of model."""
    source: FileOption = ""
    """A test text to translate and score, a sentence a line (compressed too); or a table of pairs,
    which has the references, too."""
    reference: tuple[FileOption, ...] = ()
    """Its references, line-aligned; several files if there are several."""
    out: FileOption = ""
    """The file to write. Empty: report.html in the run directory."""
    title: Annotated[str, tyro.conf.arg(metavar="TEXT")] = ""
    """What stands above it. Empty: the languages."""
    sentences: PositiveInt = 10
    """How many of the worst and of the best translations to show."""
    origin: bool = False
    """Say also where the run is, by which command it was begun, and all its settings that are free
    text, as names of files."""
    overwrite: bool = False
    """Replace a report that is there."""
    device: Device = "auto"
    """Where to compute; auto takes what is there."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        if not self.out and is_hub_location(self.run):
            yield f"give --out FILE: {self.run} is on the Hub, and has no directory to write to"
        if is_other_kind(self.out, (".html", ".htm")):
            yield f"--out {self.out}: a report is one HTML file: give FILE.html"
        if self.source or self.reference:
            yield from test_problems(self.source, self.reference)
        used = dict.fromkeys(("sentences", "device"), bool(self.source))
        yield from check_unused(self, "--", used, "no test text: give --source and --reference")
        yield from device_problems(self.device)


def report_command(arguments: list[str]) -> None:
    """Write one HTML file about a run: settings, curves, samples, scores."""
    arguments = name_after_run(arguments, "--source", "--reference")
    command = parse_command(ReportCommand, arguments, "seq2seq report")
    from seq2seq.export.html import check_new, write_page
    from seq2seq.report.page import Report, page

    run = open_run(command.run)
    out = command.out or str(run.directory.report)
    check_new(out, overwrite=command.overwrite)
    experiment = run.experiment(EXPERIMENTS[run.kind])
    check_kind(command, experiment)
    facts = {
        "About": [*about_rows(run), *(origin_rows(run) if command.origin else ())],
        "Text": [*text_rows(run)],
        "Model": [
            *((f"{side} vocabulary", size) for side, size in vocabulary_rows(run)),
            *size_rows(run),
        ],
        "Best validation": [*best_rows(run)],
    }
    if command.origin:
        facts["About"].append(("directory", command.run))
        recipe = run.metadata["recipe"]
        facts["Options of the recipe"] = [(name, json.dumps(recipe[name])) for name in recipe]
    changed = [*changed_settings(experiment)]
    shown = [each for each in changed if command.origin or not is_free_text(experiment, each[0])]
    test, doubts = score_test(command, run, experiment)
    report = Report(
        title=command.title or default_title(run),
        kind=f"A {run.kind}".replace("A n-", "An n-"),
        facts=facts,
        settings=[
            (name, json.dumps(value, ensure_ascii=False), default) for name, value, default in shown
        ],
        hidden=len(changed) - len(shown),
        rows=logged_rows(run),
        signature=validation_signature(experiment),
        test=test,
        doubts=doubts,
        sentences=command.sentences,
    )
    write_page(out, page(report), overwrite=command.overwrite)
    write_stderr(f"{out}: the report, for any browser")


def check_kind(command: ReportCommand, experiment: BaseExperiment) -> None:
    """Raises SettingsError if a test text is given for a model that does not translate."""
    if command.source and not isinstance(experiment, Experiment):
        raise SettingsError(
            f"--source {command.source}: {command.run} is a run of a {experiment.KIND}, which "
            "translates nothing; leave the test text out, or measure it with seq2seq lm score"
        )


def is_free_text(experiment: BaseExperiment, name: str) -> bool:
    """Whether a setting may be any text, as the name of a file; it is no choice and no number."""
    hint = setting_types(type(experiment))[name]
    return str in (hint, *typing.get_args(hint)) or settings_in(hint) is not None


def default_title(run: Run) -> str:
    """Returns the languages of a translation model, if they are known, else what it is."""
    about = dict(about_rows(run))
    languages = [about.get(f"{side} language", "") for side in ("source", "target")]
    return " → ".join(languages) if all(languages) else f"Report of a {run.kind}"


def logged_rows(run: Run) -> list[dict[str, Any]]:
    """Returns the lines of metrics.jsonl; none for a model that was counted or only saved."""
    from seq2seq.plotting.learning_curves import read_metrics

    return read_metrics(run.directory.metrics) if run.directory.metrics.is_file() else []


def validation_signature(experiment: BaseExperiment) -> str:
    """Returns the signature of BLEU in validations; nothing for a language model."""
    if not isinstance(experiment, Experiment):
        return ""
    from seq2seq.evaluation.metrics import bleu

    # It says how is counted, whatever the text, of one reference each.
    lowercase = experiment.data.lowercase
    return bleu([""], ["a"], tokenize=experiment.tokenize, lowercase=lowercase).signature


def score_test(
    command: ReportCommand, run: Run, experiment: BaseExperiment
) -> tuple[ScoredText | None, list[str]]:
    """Translates and scores the test text, as `seq2seq evaluate` does, if there is one.

    Returns:
        The scores, and reasons to doubt them.
    """
    if not command.source or not isinstance(experiment, Experiment):
        return None, []
    from seq2seq.report.scored import score_text
    from seq2seq.translation.check_test_text import doubts
    from seq2seq.translation.translator import Translator

    files, (sources, *streams) = read_test(command.source, command.reference)
    found = [*doubts(run, files, sources, streams)]
    for doubt in found:
        write_stderr(f"warning: {doubt}")
    translator = Translator.load(run, command.device)
    scored = score_text(
        translator,
        sources,
        [list(entry) for entry in zip(*streams, strict=True)],
        tokenize=experiment.tokenize,
        lowercase=experiment.data.lowercase,
    )
    return scored, found
