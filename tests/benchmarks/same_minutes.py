"""A small corpus, the same minutes: this toolkit beside others with their usual settings.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.same_minutes train.tsv test.tsv --minutes 5 \\
        --peer fairseq=PYTHON --peer opennmt=PYTHON

Ours is `seq2seq train train.tsv --training.minutes 5`. The others get what their users give them: a
joint BPE of at most 4,000 pieces, a tenth of the sources (500 at most) for validation, an LSTM with
attention, Adam with a learning rate of 0.001, and the checkpoint that was best on the validation
text. All translate with a beam of 5, and are scored on the detokenized text, with all translations
of a source as its references. A training begins with its first update; reading text is not counted.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import sentencepiece

from seq2seq import METRICS, ParallelCorpus, Translator, evaluate
from tests.benchmarks.measure import make_parser
from tests.benchmarks.peers import Peer, PeerError, problem
from tests.benchmarks.toolkits import TOOLKITS, fairseq, opennmt
from tests.benchmarks.toolkits.base import Work

PIECES = 4000
BEAM = 5
EVERY = 100
"""Updates between validations."""

Tokenizer = sentencepiece.SentencePieceProcessor


def learn_pieces(text: ParallelCorpus) -> Tokenizer:
    """Returns a joint BPE of both sides; of little text it has fewer pieces than `PIECES`."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*text.sources, *text.targets]),
        model_writer=model,
        vocab_size=PIECES,
        hard_vocab_limit=False,
        model_type="bpe",
        character_coverage=1.0,
        minloglevel=2,
    )
    return Tokenizer(model_proto=model.getvalue())


def write_pieces(
    folder: Path, name: str, sides: Mapping[str, Sequence[str]], pieces: Tokenizer
) -> None:
    """Writes the sides of a text as pieces with spaces between them."""
    for side, texts in sides.items():
        content = "".join(f"{' '.join(pieces.encode(text, out_type=str))}\n" for text in texts)
        (folder / f"{name}.{side}").write_text(content, encoding="utf-8", newline="\n")


def train_fairseq(peer: Peer, minutes: float) -> None:
    """The network of `lstm_wiseman_iwslt_de_en`, with batches of 1,000 tokens."""
    options = {
        **fairseq.LANGUAGES,
        "cpu": True,
        "arch": "lstm_wiseman_iwslt_de_en",
        "encoder-bidirectional": True,
        "dropout": 0.3,
        **fairseq.LEARNING,
        "max-tokens": 1000,
        "validate-interval-updates": EVERY,
        "save-interval-updates": EVERY,
        "keep-interval-updates": 1,
        "stop-time-hours": minutes / 60,
        "save-dir": peer.work.model,
    }
    peer.run(fairseq.run_program("train", [str(peer.work.folder / "data")], options))


def translate_fairseq(peer: Peer) -> list[str]:
    """Returns the pieces of each translation, by the best checkpoint."""
    options = {
        **fairseq.LANGUAGES,
        "cpu": True,
        "path": peer.work.model / "checkpoint_best.pt",
        "input": peer.work.text / "test.src",
        "buffer-size": 1_000_000,
        "batch-size": 64,
        "beam": BEAM,
    }
    log = peer.run(fairseq.run_program("interactive", [str(peer.work.folder / "data")], options))
    found = re.findall(r"^H-(\d+)\t\S+\t(.*)$", log, re.MULTILINE)
    return [text for _, text in sorted(found, key=lambda each: int(each[0]))]


def train_opennmt(peer: Peer, minutes: float) -> None:
    """Its default network, two layers of 500, with batches of 64 sentences.

    It knows no budget in minutes, and is ended by a signal.
    """
    options = {
        "config": peer.work.folder / "config.yaml",
        "save_model": peer.work.model / "model",
        "encoder_type": "brnn",
        "decoder_type": "rnn",
        "rnn_type": "LSTM",
        "word_vec_size": 500,
        "hidden_size": 500,
        "optim": "adam",
        "learning_rate": 0.001,
        "batch_type": "sents",
        "batch_size": 64,
        "valid_batch_size": 64,
        "bucket_size": 10_000,
        "num_workers": 0,
        "world_size": 1,
        "train_steps": 1_000_000,
        "valid_steps": EVERY,
        "save_checkpoint_steps": EVERY,
        "report_every": EVERY,
    }
    command = opennmt.run_program("train", options)
    log = peer.work.folder / "train.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [peer.python, *command.arguments],
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=peer.work.folder,
            env={name: text for name, text in os.environ.items() if name != "PYTHONPATH"},
        )
        while process.poll() is None and b"Start training" not in log.read_bytes():
            time.sleep(0.2)
        end = time.monotonic() + 60 * minutes
        while process.poll() is None and time.monotonic() < end:
            time.sleep(0.2)
        process.send_signal(signal.SIGKILL)
        process.wait()


def translate_opennmt(peer: Peer) -> list[str]:
    """Returns the pieces of each translation, by the best checkpoint that is there."""
    log = (peer.work.folder / "train.log").read_text(encoding="utf-8", errors="replace")
    perplexities = [float(found) for found in re.findall(r"Validation perplexity: ([\d.]+)", log)]
    steps = [EVERY * number for number in range(1, len(perplexities) + 1)]
    saved = {step: peer.work.model / f"model_step_{step}.pt" for step in steps}
    scored = zip(perplexities, steps, strict=True)
    found = [(value, step) for value, step in scored if saved[step].is_file()]
    if not found:
        raise PeerError(f"it has saved nothing within the minutes, which takes {EVERY} updates")
    output = peer.work.folder / "translations"
    options = {
        "model": saved[min(found)[1]],
        "src": peer.work.text / "test.src",
        "output": output,
        "beam_size": BEAM,
        "batch_size": 64,
        "batch_type": "sents",
        "gpu": -1,
    }
    peer.run(opennmt.run_program("translate", options))
    return output.read_text(encoding="utf-8").splitlines()


PEERS = {
    "fairseq": (train_fairseq, translate_fairseq),
    "opennmt": (train_opennmt, translate_opennmt),
}


def ours(corpus: str, run: Path, minutes: float, sources: list[str]) -> list[str]:
    """Trains as a user does who gives nothing but the text and the minutes, and translates."""
    options = ["--training.minutes", str(minutes), "--run", str(run), "--overwrite"]
    command = [sys.executable, "-m", "seq2seq", "train", corpus, *options]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return Translator.load(run).translate(sources, beam_size=BEAM)


def theirs(
    peer: Peer, corpus: ParallelCorpus, minutes: float, sources: list[str], seed: int
) -> list[str]:
    """Trains another toolkit, and returns its translations as text."""
    shutil.rmtree(peer.work.folder, ignore_errors=True)  # or fairseq goes on with it
    for folder in (peer.work.text, peer.work.model):
        folder.mkdir(parents=True)
    aside = min(len(corpus.references()[0]) // 10, 500)
    train, validation, _ = corpus.split_by_source(validation=aside, test=0, seed=seed)
    pieces = learn_pieces(train)
    for name, part in (("train", train), ("dev", validation)):
        sides = {"src": part.sources, "tgt": part.targets}
        write_pieces(peer.work.text, name, sides, pieces)
    write_pieces(peer.work.text, "test", {"src": sources}, pieces)
    peer.prepare()
    learn, translate = PEERS[peer.name]
    learn(peer, minutes)
    return [pieces.decode(line.split()) for line in translate(peer)]


def rows(
    files: list[str], minutes: float, runs: Path, peers: Iterable[str], seed: int
) -> Iterator[str]:
    """Yields the rows of the table, as soon as each is there."""
    corpus, test = (ParallelCorpus.read(file).clean() for file in files)
    sources, references = test.references()
    sources = list(sources)
    systems: dict[str, Callable[[], list[str]]] = {
        "seq2seq": partial(ours, files[0], runs / "seq2seq", minutes, sources)
    }
    for each in peers:
        name, _, python = each.partition("=")
        folder = (runs / name).resolve()
        peer = Peer(name, TOOLKITS[name], python, Work(folder / "text", folder, 0, EVERY))
        systems[name] = partial(theirs, peer, corpus, minutes, sources, seed)
    for name, translations in systems.items():
        found = evaluate(translations(), references)
        scores = (f"{found[metric].score:.1f}" for metric in ("bleu", "chrf"))
        yield f"| {len(corpus):,} | {name} | {' | '.join(scores)} |"


def main() -> None:
    """Prints a row for each toolkit."""
    parser = make_parser("same_minutes", __doc__)
    parser.add_argument("corpus", help="a table of pairs")
    parser.add_argument("test", help="another")
    parser.add_argument("--minutes", type=float, default=5.0, help="for each training")
    parser.add_argument("--runs", type=Path, default=Path("runs/same_minutes"))
    parser.add_argument("--peer", action="append", default=[], help="NAME=PYTHON")
    parser.add_argument("--seed", type=int, default=1, help="of what is set aside")
    arguments = parser.parse_args()
    others = {each.partition("=")[0] for each in arguments.peer} - {*PEERS}
    if others:
        parser.error(f"--peer {min(others)} is not compared here: choose from {', '.join(PEERS)}")
    if found := problem(arguments.peer):
        parser.error(found)
    print(f"| pairs | toolkit | {METRICS['bleu'].title} | {METRICS['chrf'].title} |")
    print("|---|---|---|---|")
    files = [arguments.corpus, arguments.test]
    for row in rows(files, arguments.minutes, arguments.runs, arguments.peer, arguments.seed):
        print(row, flush=True)


if __name__ == "__main__":
    main()
