"""Few sentence pairs and more text of the target language: from files to a translator.

    python recipes/low_resource.py                            # on the sample corpus, in minutes
    python recipes/low_resource.py --pairs mine.tsv --monolingual text.vi --run runs/mine
    python recipes/low_resource.py --pairs mine.en mine.vi --monolingual text.vi --minutes 120

1.  The pairs are cleaned, and some are set aside for validation and for the test.
2.  forward-1 learns from these pairs alone. All that follows is compared with it.
3.  backward-1 learns the other direction,
4.  and translates the monolingual text. Its translation and the real sentence are a pair that
    teaches to write real sentences, even where its source has mistakes: back-translation (Sennrich
    et al. 2016). --synthesis says how to translate.
5.  forward-2 learns from real and from synthetic pairs in equal shares. A tag before the source,
    <BT>, tells it which ones are synthetic (Caswell et al. 2019).
6.  Each further round does 3 to 5 again with better models (Hoang et al. 2018): the backward model
    then learns from --source-monolingual, too, as the last forward model has translated it.
7.  The last model is trained once more from another seed; both together are an ensemble.

Each training is printed as the command that it is; recipes/own_text.md tells more. Given again, the
same command goes on where it was stopped.
"""

from __future__ import annotations

import json
import random
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import seq2seq

SETTINGS = Path(__file__).with_name("settings")
SAMPLE = Path(__file__).resolve().parent.parent / "data" / "sample"
SAMPLE_PAIRS = 1000  # the other targets of the sample corpus are the monolingual text
HELD_OUT = 500
TAG = "<BT>"
CHUNK = 512  # lines that are translated and written together
SEARCH: dict[str, dict[str, Any]] = {
    "beam": {"method": "beam"},
    "sample": {"method": "sample", "beam_size": 1},
    "noise": {"method": "beam"},
}
"""How a model translates monolingual text."""
NOISE = {"drop": 0.1, "blank": 0.1, "shuffle": 3}
"""What Edunov et al. (2018) do to synthetic sources."""


@dataclass(frozen=True)
class LowResource:
    """Train on few pairs and on more text of the target language: models of both directions,
    back-translation, an ensemble. Without files, the sample corpus shows how it goes."""

    pairs: tuple[str, ...] = ()
    """Sentence pairs: a table, or two text files, source and target."""
    monolingual: str = ""
    """Text of the target language, a sentence on each line."""
    source_monolingual: str = ""
    """The same of the source language, for rounds after the first."""
    run: str = "runs/low_resource"
    """A folder for everything: a run directory for each model, and text."""
    minutes: float | None = None
    """The time for everything together; 0 leaves each training the budget that --config gives.
    None is an hour, and 0 for the sample corpus."""
    config: str = ""
    """A file with settings of every training, as that of this recipe in recipes/settings."""
    rounds: seq2seq.PositiveInt = 1
    """How often to translate back."""
    synthesis: Literal["beam", "sample", "noise"] = "beam"
    """What is written when text is translated back. beam: the most probable. sample: what is drawn
    from the model. noise: the most probable, with noise on it while it is learned from."""
    synthetic: seq2seq.PositiveInt = 4
    """The most synthetic pairs for each real one."""
    validation_size: seq2seq.PositiveInt | None = None
    """How many different sources of the pairs to set aside for validation. None: a tenth of them,
    and 500 at most."""
    test_size: seq2seq.PositiveInt | None = None
    """How many to set aside for the test, likewise."""
    seed: seq2seq.PositiveInt = 1
    """Where every random number comes from."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute; auto takes what is there."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        if bool(self.pairs) != bool(self.monolingual):
            yield "--pairs FILE and --monolingual FILE go together: give both"
        if len(self.pairs) > 2:
            yield f"--pairs names {len(self.pairs)} files: give a table, or two text files"
        if (self.rounds > 1) != bool(self.source_monolingual):
            yield "--rounds 2 or more and --source-monolingual FILE go together: give both"
        if not self.pairs and (self.validation_size or self.test_size):
            yield (
                "--validation-size and --test-size have no effect on the sample corpus, which has "
                "parts for both"
            )
        if self.minutes is not None and not 0 <= self.minutes < float("inf"):
            yield f"--minutes {self.minutes} must be a number of minutes, or 0"


class Texts(NamedTuple):
    """What is learned from, and what is held out."""

    train: seq2seq.ParallelCorpus
    validation: seq2seq.ParallelCorpus
    test: seq2seq.ParallelCorpus
    target_lines: list[str]
    source_lines: list[str]


def read_texts(options: LowResource) -> Texts:
    """Reads and cleans all text. No monolingual sentence stands in the pairs."""
    source_lines: list[str] = []
    if options.pairs:
        filters = seq2seq.make_filters(
            seq2seq.FilterSettings(duplicates=True, copies=True, html=True)
        )
        whole = seq2seq.ParallelCorpus.read(*options.pairs).clean(filters=filters)
        seq2seq.log_line(str(whole.report))
        usual = max(min(HELD_OUT, len(whole.references()[0]) // 10), 1)
        train, validation, test = whole.split_by_source(
            validation=options.validation_size or usual,
            test=options.test_size or usual,
            seed=options.seed,
        )
        target_lines = seq2seq.read_lines(options.monolingual)
        if options.source_monolingual:
            source_lines = seq2seq.read_lines(options.source_monolingual)
    else:
        whole, validation, test = (
            seq2seq.ParallelCorpus.read(SAMPLE / f"{name}.en", SAMPLE / f"{name}.fr")
            for name in ("train", "validation", "test")
        )
        train, target_lines = whole[:SAMPLE_PAIRS], whole.targets[SAMPLE_PAIRS:]
    corpora = (train, validation, test)
    targets, sources = (
        choose(lines, [text for each in corpora for text in getattr(each, side)], options.seed)
        for lines, side in ((target_lines, "targets"), (source_lines, "sources"))
    )
    if not targets or (options.source_monolingual and not sources):
        raise seq2seq.DataError("monolingual text has no sentence that the pairs lack")
    most = options.synthetic * len(train)
    return Texts(*corpora, targets[:most], sources[:most])


def choose(lines: Sequence[str], known: Sequence[str], seed: int) -> list[str]:
    """Returns different lines that are not known, in random order."""
    seen = {"", *map(spaced, known)}
    new = [line for line in dict.fromkeys(map(spaced, lines)) if line not in seen]
    random.Random(seed).shuffle(new)
    return new


def spaced(line: str) -> str:
    """Returns a line with single spaces: a tab would end the column of a table."""
    return " ".join(line.split())


def write_lines(path: Path, lines: Sequence[str]) -> None:
    """Writes a text file, which is whole or not there."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
    unfinished.replace(path)


def keep_lines(path: Path, lines: Sequence[str]) -> None:
    """Writes a text file; DataError if it is there and has other lines."""
    if not path.exists():
        write_lines(path, lines)
    elif seq2seq.read_lines(path) != [*lines]:
        raise seq2seq.DataError(f"{path} was made of other text: give another --run")


class Work:
    """The stages. Each is done once: that it is finished, its result in the folder says."""

    def __init__(self, options: LowResource) -> None:
        self.folder = Path(options.run)
        self.options = options = self.check_options(options)
        self.texts = read_texts(options)
        (self.folder / "text").mkdir(parents=True, exist_ok=True)
        write_lines(self.folder / "options.json", [json.dumps(asdict(options))])
        for name, corpus in zip(("train", "validation", "test"), self.texts[:3], strict=True):
            keep_lines(self.text(name, "source"), corpus.sources)
            keep_lines(self.text(name, "target"), corpus.targets)

    def check_options(self, options: LowResource) -> LowResource:
        """Returns the options, with the sizes that a folder was begun with where none are given.

        Raises:
            SettingsError: it was begun with others.
        """
        path = self.folder / "options.json"
        if not path.exists():
            return options
        given = json.loads(json.dumps(asdict(options)))
        begun = json.loads(path.read_text(encoding="utf-8"))
        for name in ("validation_size", "test_size"):
            given[name] = given[name] or begun[name]
        other = [f"--{name.replace('_', '-')}" for name in given if given[name] != begun[name]]
        if other:
            raise seq2seq.SettingsError(
                f"{self.folder} was begun with other {', '.join(other)}: go on with the same, or "
                "give another --run"
            )
        sizes = {name: given[name] for name in ("validation_size", "test_size")}
        return replace(options, **sizes)

    def text(self, name: str, side: str) -> Path:
        """Returns the file with a side of the pairs of "train", "validation" or "test"."""
        return self.folder / "text" / f"{name}.{side}"

    def minutes(self, kind: Literal["train", "translate"]) -> float:
        """Returns the time of a stage; a training has three times that of a translation."""
        rounds, whole = self.options.rounds, self.options.minutes
        if whole is None:
            whole = 60 if self.options.pairs else 0
        return whole * {"train": 3, "translate": 1}[kind] / (3 * (2 * rounds + 2) + 2 * rounds - 1)

    def train(self, name: str, sides: Sequence[str], synthetic: str = "", seed: int = 0) -> None:
        """Trains a model, or goes on with it, and translates the test with it.

        Args:
            name: of its run directory.
            sides: "source" and "target", or the other way round.
            synthetic: a table of more pairs, to learn from in equal shares.
            seed: what to add to the usual one.
        """
        if (self.folder / f"{name}.txt").exists():
            return
        run = self.folder / name
        arguments = ["--run", str(run), "--device", self.options.device]
        if minutes := self.minutes("train"):
            arguments += ["--training.minutes", f"{minutes:.2f}"]
        if (run / "last.safetensors").is_file():
            arguments.append("--resume")
        else:
            arguments += self.begin(name, sides, synthetic)
            arguments += ["--seed", str(self.options.seed + seed), *["--overwrite"] * run.exists()]
        seq2seq.log_line(f"\n{name}: seq2seq train {shlex.join(arguments)}")
        experiment = seq2seq.parse_experiment(seq2seq.Experiment(), arguments)
        reason = seq2seq.train(experiment)
        if reason == "interrupted":
            seq2seq.log_line("(or all of it, with the recipe's own command)")
        seq2seq.finish_training(reason, experiment)
        self.translate_test([name], sides[0])

    def begin(self, name: str, sides: Sequence[str], synthetic: str) -> list[str]:
        """Returns the options of a model that learns from pairs, or from a mix with synthetic ones.

        All models of a direction have the vocabularies of the first one.
        """
        usual = "low_resource.toml" if self.options.pairs else "low_resource_sample.toml"
        arguments = ["--config", self.options.config or str(SETTINGS / usual)]
        arguments += ["--data.special-symbols", TAG]
        files = [str(self.text("train", side)) for side in sides]
        if synthetic:
            table = {"name": "synthetic", "train": synthetic, "source": "0", "target": "1"}
            noise = NOISE if self.options.synthesis == "noise" else {}
            corpora = [
                {"name": "real", "train": files[0], "train_target": files[1]},
                {**table, "tag": TAG, "noise": noise},
            ]
            mix = self.folder / f"{name}.mix.json"
            write_lines(mix, [json.dumps({"corpus": corpora}, indent=2)])
            first = self.folder / f"{name.partition('-')[0]}-1"
            arguments += ["--data.mix", str(mix), "--data.vocabulary", str(first)]
        else:
            arguments += ["--data.train", files[0], "--data.train-target", files[1]]
        held = [str(self.text("validation", side)) for side in sides]
        return [*arguments, "--data.validation", held[0], "--data.validation-target", held[1]]

    def translate_test(self, models: Sequence[str], side: str) -> None:
        """Translates a side of the test with a model, or with several together."""
        first, *others = [str(self.folder / name) for name in models]
        translator = seq2seq.Translator.load(first, self.options.device, ensemble=others)
        test = self.texts.test
        found = translator.translate(test.sources if side == "source" else test.targets)
        write_lines(self.folder / f"{'+'.join(models)}.txt", found)

    def synthesize(self, model: str, lines: Sequence[str]) -> str:
        """Translates lines, as many as there is time for; returns a table of source and target."""
        path = self.folder / f"by-{model}.tsv"
        if path.exists():
            return str(path)
        unfinished = path.with_name(f"{path.name}.unfinished")
        done = unfinished.read_bytes() if unfinished.exists() else b""
        done = done[: done.rfind(b"\n") + 1]  # a line may have been cut
        unfinished.write_bytes(done)
        translator = seq2seq.Translator.load(self.folder / model, self.options.device)
        minutes, started = self.minutes("translate"), time.monotonic()
        with unfinished.open("a", encoding="utf-8", newline="\n") as file:
            for begin in range(done.count(b"\n"), len(lines), CHUNK):
                chunk = [*lines[begin : begin + CHUNK]]
                found = translator.translate(chunk, **SEARCH[self.options.synthesis])
                file.writelines(
                    f"{spaced(synthetic)}\t{line}\n"
                    for synthetic, line in zip(found, chunk, strict=True)
                )
                file.flush()
                seq2seq.log_line(f"{model} translates: {begin + len(chunk):,} of {len(lines):,}")
                if minutes and time.monotonic() - started > 60 * minutes:
                    break
        unfinished.replace(path)
        return str(path)

    def updates(self, name: str) -> str:
        """Returns how many updates a model has had; nothing for several together."""
        metrics = self.folder / name / "metrics.jsonl"
        rows = seq2seq.read_lines(metrics) if metrics.is_file() else []
        return f"{json.loads(rows[-1])['step']:,} updates" if rows else ""

    def report(self, names: Sequence[str]) -> None:
        """Prints the scores of the test, each with the updates that the model has had.

        Beside them stands how probable a score is if the first model is as good.
        """
        settings = seq2seq.Run(self.folder / "forward-1").experiment(seq2seq.Experiment)
        tokenize, lowercase = settings.tokenize, settings.data.lowercase
        systems = {name: seq2seq.read_lines(self.folder / f"{name}.txt") for name in names}
        references = self.texts.test.targets
        print(f"\nThe test, {len(references):,} pairs:")
        if len(systems) == 1:
            ((name, only),) = systems.items()
            print(f"{name}: {self.updates(name)}")
            scores = seq2seq.evaluate(only, references, tokenize=tokenize, lowercase=lowercase)
            for metric, score in scores.items():
                print(f"{seq2seq.METRICS[metric].title}  {score}", flush=True)
            return
        found = seq2seq.compare(systems, references, tokenize=tokenize, lowercase=lowercase)
        for metric, comparison in found.items():
            print(f"{seq2seq.METRICS[metric].title}  {comparison.signature}")
            for name, each in comparison.systems.items():
                verdict = "" if each.p_value is None else f"p = {each.p_value:.4f}"
                row = f"  {name:32}{each.score:6.2f}  {self.updates(name):16}{verdict}"
                print(row.rstrip(), flush=True)


def main() -> None:
    """Goes through all stages; those that are finished are passed over."""
    options = seq2seq.parse_command(LowResource, sys.argv[1:], "python recipes/low_resource.py")
    work = Work(options)
    forward, backward = ("source", "target"), ("target", "source")
    models = ["forward-1"]
    work.train("forward-1", forward)
    work.report(models)
    targets = sources = ""  # tables whose targets, or whose sources, are real text alone
    for number in range(1, options.rounds + 1):
        if number > 1:
            sources = work.synthesize(models[-1], work.texts.source_lines)
        work.train(f"backward-{number}", backward, sources)
        targets = work.synthesize(f"backward-{number}", work.texts.target_lines)
        models.append(f"forward-{number + 1}")
        work.train(models[-1], forward, targets)
        work.report(models)
    last, again = models[-1], f"{models[-1]}-again"
    work.train(again, forward, targets, seed=1)
    work.translate_test([last, again], "source")
    work.report([*models, again, f"{last}+{again}"])
    seq2seq.log_line(f"seq2seq translate {work.folder / last} --ensemble {work.folder / again}")


if __name__ == "__main__":
    seq2seq.run_command(main)
