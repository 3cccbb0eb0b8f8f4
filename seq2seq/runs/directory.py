"""A run directory on disk; what each of its files holds is told in seq2seq/README.md.

A file's name leads to a complete one, whatever happens (see `files.py`), and what a killed process
leaves under a temporary name is cleared by the next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from seq2seq.data.prepared_folder import foreign_files, is_prepared
from seq2seq.errors import RunError
from seq2seq.runs.files import TEMPORARY_SUFFIX, read_json, system_errors
from seq2seq.torchrun import own_rank

FORMATS = "seq2seq run "
"""What the format of a run begins with; a number follows."""
FORMAT = FORMATS + "2"
SIDES = ("source", "target")
LOCK_NAME = "training.lock"
"""The file that a training holds."""
TEXT_SIDE = "text"
"""The one side of a language model."""
EXPORT_DESCRIPTION = "export.json"
"""What an export has, and a run has not."""
HUB_PREFIX = "hf://"
"""What names a model on the Hugging Face Hub, see `seq2seq.runs.hub`; all else is a path."""


class RunDirectory:
    """The files of one run, by name.

    Raises:
        RunError: it is a model on the Hub, which `resolve` makes a path of where one may stand.
    """

    def __init__(self, path: str | Path) -> None:
        if str(path).startswith(HUB_PREFIX):
            raise RunError(f"{path} is a model on the Hub, and a directory is needed here")
        self.path = Path(path)
        self.experiment = self.path / "experiment.json"
        self.best = self.path / "best.safetensors"
        self.last = self.path / "last.safetensors"
        self.initial = self.path / "initial.safetensors"
        self.ngrams = self.path / "ngrams.safetensors"
        self.shortlist = self.path / "shortlist.safetensors"
        self.metrics = self.path / "metrics.jsonl"
        self.curves = self.path / "learning_curves.png"
        self.report = self.path / "report.html"
        self.text = self.path / "text"

    def tokenizer(self, side: str) -> Path:
        """The tokenizer of the source or target side."""
        return self.path / f"{side}.tokenizer"

    def vocab(self, side: str) -> Path:
        """The vocabulary of the source or target side."""
        return self.path / f"{side}.vocab.json"

    def averaging_checkpoint(self, step: int) -> Path:
        """The weights at a validation, kept for averaging."""
        return self.path / f"step-{step}.safetensors"

    def delete_averaging_checkpoints(self, except_steps: Sequence[int] = ()) -> None:
        """Deletes weights that were kept for averaging, but for those of some steps."""
        found = set(self.path.glob("step-*.safetensors"))
        self.delete(found - set(map(self.averaging_checkpoint, except_steps)))

    def events(self, number: int) -> Path:
        """What TensorBoard shows; of several it reads the one with the highest number last."""
        return self.path / f"events.out.tfevents.{number}"

    def delete_events(self) -> None:
        """Deletes what TensorBoard shows."""
        self.delete(self.path.glob("events.out.tfevents.*"))

    def delete(self, paths: Iterable[Path]) -> None:
        """Deletes files, where they are there; RunError if the directory can't be written to."""
        with system_errors(f"{self.path} could not be written"):
            for path in paths:
                path.unlink(missing_ok=True)

    @property
    def files(self) -> list[Path]:
        """All that a run consists of, whether it is there or not."""
        sides = (*SIDES, TEXT_SIDE)
        tensors = [self.best, self.last, self.initial, self.ngrams, self.shortlist]
        rest = [self.metrics, self.curves, self.report, self.experiment]
        return [*map(self.tokenizer, sides), *map(self.vocab, sides), *tensors, *rest]

    def temporary_files(self) -> list[Path]:
        """What a process that was killed while it wrote left under the temporary names."""
        found = [path.with_name(path.name + TEMPORARY_SUFFIX) for path in self.files]
        return [
            *(path for path in found if path.is_file()),
            *self.path.glob(f"step-*.safetensors{TEMPORARY_SUFFIX}"),
        ]

    def delete_temporary_files(self) -> None:
        """Deletes the leftovers of a killed process; only the one that holds the run may."""
        self.delete(self.temporary_files())

    def is_run(self) -> bool:
        """Whether there is a run's description here, of whatever version."""
        try:
            values = read_json(self.experiment)
        except RunError:
            return False
        return isinstance(values, dict) and str(values.get("format")).startswith(FORMATS)

    def after_restart(self) -> Literal["", "resume", "overwrite"]:
        """What to do with this run if the torchrun that began it has started its processes anew.

        It is continued; or begun again, if there is no checkpoint yet. "" for any other run, and
        for one whose description is damaged.
        """
        rank = own_rank()
        if not (rank and rank.launch and self.path.is_dir() and self.is_run()):
            return ""
        values = read_json(self.experiment)
        times: list[object] = [values.get("begun"), *(values.get("continued") or [])]
        last = times[-1]
        if not isinstance(last, dict) or last.get("launch") != rank.launch:
            return ""
        return "resume" if self.last.is_file() else "overwrite"

    def check_free(self, *, overwrite: bool, resumable: bool = True) -> None:
        """Raises RunError unless a run may be begun here.

        It may where there is nothing, or no more than a process left that was killed before it had
        written anything; with `overwrite` where there is a run; never in a directory of another
        kind. `resumable`: whether a run that has a checkpoint could be continued instead.
        """
        with system_errors(f"{self.path} can't be read"):
            if not self.path.exists():
                return
            if not self.path.is_dir():
                raise RunError(f"{self.path} is a file: give another --run")
            left = {self.path / LOCK_NAME, *self.temporary_files()}
            if self.text.is_dir() and not foreign_files(self.text):
                left.add(self.text)
            if set(self.path.iterdir()) <= left:
                return
        if not self.is_run():
            raise RunError(
                f"{self.path} holds something that is not a run, which is never deleted: give "
                "another --run"
            )
        if not overwrite:
            resumable = resumable and self.last.exists()
            resume = "continue it with --resume, " if resumable else ""
            raise RunError(
                f"{self.path} exists already: give another --run, {resume}or delete it with "
                "--overwrite"
            )

    def create(self, *, overwrite: bool) -> None:
        """Makes a run directory without a run; of one that exists, only a run's files are deleted.

        Its description stays until another takes its place: without one, the directory would not
        be known as a run after a crash.

        Raises:
            RunError: as `check_free`, or it can't be made.
        """
        self.check_free(overwrite=overwrite)
        with system_errors(f"{self.path} could not be made"):
            self.path.mkdir(parents=True, exist_ok=True)
        self.delete(path for path in self.files if path != self.experiment)
        self.delete_averaging_checkpoints()
        self.delete_events()
        self.delete_temporary_files()

    def check_exists(self) -> None:
        """Raises RunError unless this is a run directory."""
        with system_errors(f"{self.path} can't be read"):
            if not self.path.exists():
                raise RunError(f"there is no run at {self.path}: train one with --run {self.path}")
            if not self.path.is_dir():
                raise RunError(f"{self.path} is a file, and a run is a directory")
            if (self.path / EXPORT_DESCRIPTION).exists() and not self.experiment.exists():
                raise RunError(
                    f"{self.path} is an export, and no run: give the run that it was made from"
                )
            if is_prepared(self.path):
                raise RunError(
                    f"{self.path} is prepared text, and no run: seq2seq train {self.path} learns "
                    "from it"
                )
            if not self.experiment.is_file():
                raise RunError(
                    f"{self.path} is not a run directory: it has no {self.experiment.name}"
                )
