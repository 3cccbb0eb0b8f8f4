"""Training and translating on a GPU: against a loop of cuDNN's calls alone, and in batches.

    python -m tests.benchmarks.gpu
    python -m tests.benchmarks.gpu --run RUN --text FILE --rounds 3

Without a run, only training is measured: the trainer with its logging, clipping, schedule and
checks, and a bare loop of the same model, take turns. With one, a file is translated greedily and
with a beam of 5, in batches of several sizes. `--device cpu` tries the program where there is no
GPU.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from seq2seq.config.experiment import Experiment
from seq2seq.data.readers.lines import read_sentences
from seq2seq.decoding.search import search
from seq2seq.models.device import choose_precision
from seq2seq.runs.run import Run
from seq2seq.translation.ensemble import load_translation_model
from tests.benchmarks.bare import BareModel, BareTraining
from tests.benchmarks.measure import Contestant, Row, make_parser, print_rows, take_turns
from tests.benchmarks.training import UPDATES, OurTraining, corpora, equal_settings


class Case(NamedTuple):
    """A model and its batches; the tokens of a batch count pads."""

    title: str
    batch_tokens: int
    vocab_size: int = 8000
    embedding_size: int = 256
    decoder_size: int = 512
    layers: int = 1


CASES = [
    Case("1,024 tokens a batch", 1024),
    Case("16,384 tokens a batch", 16_384),
    Case("16,384 tokens a batch, vocabulary of 32,000", 16_384, 32_000),
    Case("the same, 2 layers of 1,024", 16_384, 32_000, 512, 1024, 2),
]


def updates(
    training: OurTraining | BareTraining, batches: list[Any], device: torch.device
) -> Contestant:
    """Some updates a round, each round on the next batches; the clock waits for the device."""

    def work(number: int) -> float:
        chosen = [batches[(number * UPDATES + each) % len(batches)] for each in range(UPDATES)]
        for batch in chosen:
            training.update(batch)
        wait_for(device)
        return float(sum(batch.target_tokens for batch in chosen))

    return work


def wait_for(device: torch.device) -> None:
    """Waits until the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def measure_training(case: Case, device: torch.device, rounds: int) -> list[Row]:
    """Our trainer beside the bare loop, in one kind of model and batch."""
    precision = choose_precision("auto", device)
    settings = equal_settings({"attention": "scaled-general"})
    settings |= {"embedding_size": case.embedding_size, "dropout": 0.2}
    settings["encoder_sizes"] = (case.decoder_size // 2,) * case.layers
    settings["decoder_sizes"] = (case.decoder_size,) * case.layers
    text = corpora(case.vocab_size, 20_000)
    with tempfile.TemporaryDirectory() as folder:
        ours = OurTraining(
            f"{folder}/run",
            text,
            settings,
            case.vocab_size,
            batch_tokens=case.batch_tokens,
            device=device.type,
        )
        bare = BareModel(
            ours.vocab_size,
            "scaled-general",
            embedding_size=case.embedding_size,
            decoder_size=case.decoder_size,
            dropout=settings["dropout"],
            layers=case.layers,
        ).to(device)
        smoothing = ours.experiment.training.label_smoothing
        batches = list(ours.task.batches(0))
        contestants = {
            "bare loop": updates(BareTraining(bare, precision, smoothing), batches, device),
            "ours": updates(ours, batches, device),
        }
        title = f"training, {case.title}, {precision}"
        return take_turns(title, "target tokens/s", contestants, rounds)


def measure_translating(
    run: str, text: str, device: torch.device, rounds: int
) -> Iterator[list[Row]]:
    """Greedy and beam search of a file, in batches of several sizes."""
    opened = Run(run)
    loaded, settings = load_translation_model(opened), opened.experiment(Experiment).decoding
    model = loaded.model.to(device).eval()
    tokens = loaded.source.tokenizer.tokenize_all(list(read_sentences(Path(text))))
    sources = [loaded.source.vocab.ids(each) for each in tokens]
    if not sources:
        raise SystemExit(f"{text} has no sentences")
    for beam in (1, 5):
        contestants = {}
        for size in (64, 512, 0):
            chosen = replace(settings, beam_size=beam)
            if size:
                chosen = replace(chosen, batch_size=size, batch_tokens=10**6)

            def work(_: int, chosen: Any = chosen) -> float:
                search([model], [sources], chosen, device)
                return float(len(sources))

            contestants[f"batches of {size:,}" if size else "batches by default"] = work
        yield take_turns(f"translating, beam {beam}", "sentences/s", contestants, rounds)


def main() -> None:
    """Measures and prints."""
    parser = make_parser("gpu", __doc__)
    parser.add_argument("--run", help="a run of a translation model")
    parser.add_argument("--text", help="a file of source sentences, for the run")
    parser.add_argument("--rounds", type=int, default=5, help="how often each takes its turn")
    parser.add_argument("--cases", type=int, default=len(CASES), help="so many of the models")
    parser.add_argument("--device", default="cuda", help="where to compute")
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    print(f"torch {torch.__version__}, {name}")
    tables = []
    for case in CASES[: arguments.cases]:
        tables.append(measure_training(case, device, arguments.rounds))
        print_rows(tables[-1], {})
    if arguments.run:
        for rows in measure_translating(arguments.run, arguments.text, device, arguments.rounds):
            tables.append(rows)
            print_rows(rows, {})
    if arguments.json:
        found = [row._asdict() for rows in tables for row in rows]
        Path(arguments.json).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
