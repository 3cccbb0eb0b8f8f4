"""A fuzzer: files that are nearly right, through everything that reads one.

    python tests/support/fuzz.py --minutes 10 --seed 1
    python tests/support/fuzz.py --seed 1 --first 1234 --cases 1    # one case again; it is kept

Right files are changed at random: bytes, parts of JSON, numbers that promise too much, and
checksums set right again, as somebody would who means harm. Nothing but the package's own errors
may come out, within some seconds and little memory. A case depends on the seed and its number
alone. All run in a second process, so that a crash is a find like others.
"""

from __future__ import annotations

import argparse
import base64
import bz2
import gzip
import hashlib
import json
import lzma
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

SECONDS = 20
"""A case that takes longer is a find."""
MEMORY = 2 * 2**30
"""Bytes that a case may take."""

TEXT = ["We must eat.", "Où est l'été ?", "", "a b a b", "我们 e\u0301 👩\u200d🚀 <unk>"]
VALUES: list[Any] = [
    *(None, True, -1, 0, 1, 3, 2**31, 2**63, 10**12, 10**400, 0.5, -0.0, 1e308, float("nan")),
    *(float("inf"), "", "a", "\ud800", "../../x", "\0", "x" * 300, [], {}, [[]], ["a", "a"]),
    {"a": 1},
    "DEEP",
    *("BOOL", "U16", "I8", "BF16", "F8_E5M2", "F8_E8M0", "F4", "F6_E2M3", "C64", "U64"),
]
PIECES = [
    *(b"", b"\0", b"\n", b"\r\n", b"\xff\xfe", b"\xed\xa0\x80", b"\xe2\x80\xa8", b"\xef\xbb\xbf"),
    *(b"-1", b"1000000000000", b"9" * 400, b"1e999", b"nan", b"null", b"[" * 3000, b"\\ud800"),
    *(b'"', b",", b"\t", b"{}", b":", b"\x1f\x8b", b"\xff" * 8, b"\x80" * 11, b"\\data\\", b"<s>"),
    *(b"\\2-grams:", b"ngram 9=1000000000000", b"-99", b"ngram 3=0"),
]


class Target(NamedTuple):
    """Something that reads a file.

    Attributes:
        name: of the file.
        samples: right files.
        read: what reads it, and uses what it has read.
    """

    name: str
    samples: list[bytes]
    read: Callable[[Path], object]


class Hang(BaseException):
    """A case took too long."""


# ---------------------------------------------------------------------------------------------
# right files


def make_targets(folder: Path) -> list[Target]:
    """All that reads files, with files that it reads."""
    return [
        *make_text_targets(folder),
        *make_model_targets(folder),
        *make_run_targets(folder),
        *make_export_targets(folder),
    ]


def make_text_targets(folder: Path) -> list[Target]:
    """What reads corpora."""
    import datasets

    from seq2seq.data.monolingual import read_monolingual
    from seq2seq.data.parallel import ParallelCorpus
    from seq2seq.data.readers.headers import Columns
    from seq2seq.data.readers.streams import stream_pairs
    from seq2seq.errors import Seq2SeqError

    def read(path: Path) -> None:
        for each in (ParallelCorpus.read, read_monolingual):
            with suppress(Seq2SeqError):
                corpus: Any = each(path)
                if isinstance(corpus, ParallelCorpus):
                    corpus.clean(5, 5).split_by_source(validation=1, test=0, seed=1)
        with suppress(Seq2SeqError):
            check_stream(path)

    def read_two(path: Path) -> None:
        check_stream(path, path)

    def check_stream(*paths: Path) -> None:
        """One by one, pairs are what they are as a corpus."""
        records = list(stream_pairs(paths, Columns(("source", "target"))))
        pairs = [record.pair for record in records if record.pair is not None]
        assert pairs == list(ParallelCorpus.read(*paths))

    datasets.disable_progress_bars()
    columns = {"source": TEXT, "target": TEXT[::-1], "n": list(range(5))}
    datasets.Dataset.from_dict(columns).to_parquet(str(folder / "x.parquet"))
    rows = [json.dumps({"source": s, "translation": {"target": s}}) for s in TEXT]
    lines = "\n".join(TEXT).encode()
    table = "\n".join(f"{s}\t{s}\tnote" for s in ["source\ttarget", *TEXT]).encode()
    return [
        Target("a.txt.gz", [gzip.compress(lines)], read_two),
        Target(
            "a.txt",
            [bz2.compress(lines), lzma.compress(lines), lines.decode().encode("utf-16")],
            read_two,
        ),
        Target("a.en", [lines, b"\xef\xbb\xbf" + lines.replace(b"\n", b"\r\n")], read_two),
        Target("a.tsv", [table, b"en\tfr\nGo.\tVa !\n"], read),
        Target("a.csv", [table.replace(b"\t", b","), b'"a ""b""","c\nd"\r\ne,f'], read),
        Target("a.jsonl", ["\n".join(rows).encode()], read),
        Target("a.json", [f"[{','.join(rows)}]".encode()], read),
        Target("a.parquet", [(folder / "x.parquet").read_bytes()], read),
    ]


def make_model_targets(folder: Path) -> list[Target]:
    """What reads vocabularies, tokenizers and n-grams."""
    import torch

    from seq2seq.data.tokenizers.base import TOKENIZERS, Tokenizer, build_tokenizer, load_tokenizer
    from seq2seq.data.tokenizers.sentencepiece import SentencePieceTokenizer
    from seq2seq.data.vectors import read_vectors, vector_width
    from seq2seq.data.vocabulary import Vocab
    from seq2seq.models.ngram.arpa import read_arpa, write_arpa
    from seq2seq.models.ngram.model import NGramModel

    def use(tokenizer: Tokenizer) -> None:
        for text in TEXT:
            tokenizer.detokenize(tokenizer.tokenize(text))
            if tokenizer.can_sample:
                tokenizer.detokenize(tokenizer.tokenize(text, sample=True))

    def read_ngrams(path: Path) -> None:
        model, vocab = read_arpa(path)
        model.step(torch.zeros(1, dtype=torch.long), model.start(1))
        vocab.ids(["a"])

    vocab = Vocab.build(text.split() for text in TEXT)
    vocab.save(folder / "vocab")
    model = NGramModel.estimate([vocab.ids(text.split()) for text in TEXT], 3, len(vocab))
    for name in ("x.arpa", "x.arpa.gz"):
        write_arpa(folder / name, model, vocab)
    tokenizers, protos = [], []
    for kind in TOKENIZERS:
        tokenizer = build_tokenizer(kind, TEXT * 5, vocab_size=60)
        tokenizer.save(folder / kind)
        tokenizers.append((folder / kind).read_bytes())
        if isinstance(tokenizer, SentencePieceTokenizer):
            protos.append(tokenizer.model_proto)
    arpa = [(folder / name).read_bytes() for name in ("x.arpa", "x.arpa.gz")]

    def read_word_vectors(path: Path) -> None:
        vector_width(str(path))
        words = read_vectors(str(path), Vocab.build([["a", "▁b", "c"]]))
        assert len(words.ids) == len(words.rows)

    vectors = [b"3 2\na 1 2\nb -0.5 1e-3\nx 0 0\n", b"a 1 2\n. . . 3 4\nc 5 6"]
    return [
        Target("a.vocab.json", [(folder / "vocab").read_bytes()], Vocab.load),
        Target("a.tokenizer", tokenizers, lambda path: use(load_tokenizer(path))),
        Target("a.model", protos, lambda path: use(SentencePieceTokenizer(path.read_bytes()))),
        Target("a.arpa", arpa, read_ngrams),
        Target("a.vec", [*vectors, gzip.compress(vectors[0])], read_word_vectors),
    ]


def make_run_targets(folder: Path) -> list[Target]:
    """What reads the files of a run."""
    import torch

    from seq2seq.config.experiment import Experiment
    from seq2seq.config.language_model import LanguageExperiment, NGramExperiment
    from seq2seq.errors import Seq2SeqError
    from seq2seq.runs.directory import RunDirectory
    from seq2seq.runs.metadata import checksum, save_metadata
    from seq2seq.runs.run import Run
    from seq2seq.runs.tensors import load_tensors, save_tensors

    kinds = (Experiment, LanguageExperiment, NGramExperiment)

    def read(path: Path) -> None:
        with suppress(ValueError, TypeError, RecursionError):  # else its checksum ends every case
            values = json.loads(path.read_bytes().decode("utf-8"))
            path.write_text(json.dumps({**values, "sha256": checksum(values)}), encoding="utf-8")
        for kind in kinds:
            with suppress(Seq2SeqError):
                Run(path.parent).experiment(kind)

    described = []
    for kind in kinds:
        run = RunDirectory(folder / kind.__name__)
        save_metadata(run, kind(run=str(run.path), overwrite=True), {}, {})
        described.append(run.experiment.read_bytes())
    weights = {"a": torch.ones(3, 2), "b": torch.arange(4), "c": torch.zeros(0)}
    save_tensors(folder / "tensors", weights, {"step": 3}, "0")
    return [
        Target("experiment.json", described, read),
        Target("a.safetensors", [(folder / "tensors").read_bytes()], load_tensors),
    ]


def make_export_targets(folder: Path) -> list[Target]:
    """What reads the files of an export; ONNX Runtime itself gets only what was looked through."""
    from seq2seq.config.experiment import Experiment
    from seq2seq.config.model import ModelSettings
    from seq2seq.data.tokenizers.pipeline import TextPipeline
    from seq2seq.data.tokenizers.rule_based import SpaceTokenizer
    from seq2seq.data.vocabulary import Vocab
    from seq2seq.export.directory import Export
    from seq2seq.export.operators import find_operators
    from seq2seq.export.write import write_export
    from seq2seq.models.translation import build_translation_model
    from seq2seq.runs.metadata import checksum

    def read(path: Path) -> None:
        with suppress(ValueError, TypeError, RecursionError):
            values = json.loads(path.read_bytes().decode("utf-8"))
            path.write_text(json.dumps({**values, "sha256": checksum(values)}), encoding="utf-8")
        Export(path.parent).experiment()

    side = TextPipeline(SpaceTokenizer(), Vocab.build(text.split() for text in TEXT))
    size = len(side.vocab)
    model = build_translation_model(
        size, size, ModelSettings(embedding_size=2, encoder_sizes=(2,), decoder_sizes=(4,))
    )
    path = folder / "export"
    write_export(path, model, (side, side), Experiment(), int8=True)
    graphs = [(path / name).read_bytes() for name in ("encoder.onnx", "step.onnx")]
    return [
        Target("export.json", [(path / "export.json").read_bytes()], read),
        Target("a.onnx", graphs, lambda path: find_operators(path.read_bytes())),
    ]


# ---------------------------------------------------------------------------------------------
# changes


def change(data: bytes, name: str, draw: random.Random) -> bytes:
    """A right file with one or some changes."""
    if name.endswith((".json", ".tokenizer")) and draw.random() < 0.6:
        return change_json(data, draw)
    if name.endswith(".safetensors") and draw.random() < 0.6:
        return change_header(data, draw)
    if data.startswith(b"\x1f\x8b") and draw.random() < 0.8:
        return gzip.compress(change_bytes(gzip.decompress(data), draw), 1)
    return change_bytes(data, draw)


def change_bytes(data: bytes, draw: random.Random) -> bytes:
    """Bytes that are flipped, put in, left out, repeated, or lost at the end."""
    result = bytearray(data)
    for _ in range(draw.choice([1, 1, 1, 2, 3, 8])):
        begin = draw.randrange(len(result) + 1)
        end = min(len(result), begin + draw.choice([1, 1, 2, 4, 30]))
        kind = draw.choice([0, 0, 0, 0, 1, 2, 3, 4, 5])  # most formats notice another length
        if kind == 0 and begin < len(result):
            result[begin] = draw.choice([result[begin] ^ 1 << draw.randrange(8), 0, 255, 1, 127])
        elif kind == 1:
            result[begin:begin] = draw.choice(PIECES)
        elif kind == 2:
            result[begin:end] = draw.choice(PIECES)
        elif kind == 3:
            result[begin:begin] = result[begin:end] * draw.choice([1, 2, 50])
        elif kind == 4:
            del result[begin:end]
        elif draw.random() < 0.3:
            del result[begin:]
    return bytes(result)


def change_json(data: bytes, draw: random.Random) -> bytes:
    """JSON with a value that is another, missing, or moved; SentencePiece models with checksums."""
    content = json.loads(data)
    is_model = isinstance(content, dict) and content.get("kind") == "sentencepiece"
    if is_model and draw.random() < 0.5:
        proto = change_bytes(base64.b64decode(content["model"]), draw)
        checksum = hashlib.sha256(proto).hexdigest()
        content |= {"model": base64.b64encode(proto).decode(), "sha256": checksum}
    else:
        for _ in range(draw.choice([1, 1, 2, 5])):
            change_value(content, draw)
    return deepen(json.dumps(content))


def deepen(text: str) -> bytes:
    """JSON with very many lists in each other where it says so."""
    depth = 100_000
    return text.replace('"DEEP"', "[" * depth + "]" * depth).encode()


def change_value(content: Any, draw: random.Random) -> None:
    """Changes one of the values in JSON lists and objects."""
    while True:
        keys = list(content) if isinstance(content, dict) else list(range(len(content)))
        if not keys:
            return
        key = draw.choice(keys)
        if isinstance(content[key], dict | list) and content[key] and draw.random() < 0.8:
            content = content[key]
            continue
        kind = draw.random()
        if kind < 0.6:
            content[key] = deepcopy(draw.choice(VALUES))
        elif kind < 0.75:
            del content[key]
        elif isinstance(content, dict):
            content[str(draw.choice(VALUES))[:20]] = deepcopy(content[key])
        else:
            content.insert(draw.randrange(len(content) + 1), deepcopy(draw.choice(VALUES)))
        return


def change_header(data: bytes, draw: random.Random) -> bytes:
    """A safetensors file whose header says something else, at its right length or another."""
    import safetensors.torch

    from seq2seq.runs.tensors import checksum

    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    if draw.random() < 0.5:
        change_value(header, draw)
    else:
        inner = json.loads(header["__metadata__"]["seq2seq"])
        if draw.random() < 0.5:  # with another state, and its right checksum
            inner["state"] = deepen(json.dumps(draw.choice(VALUES))).decode()
            tensors = safetensors.torch.load(data)
            inner["checksum"] = checksum(tensors, inner["state"], inner["run"])
        else:
            change_value(inner, draw)
        header["__metadata__"]["seq2seq"] = deepen(json.dumps(inner)).decode()
    new = deepen(json.dumps(header))
    said = draw.choice([len(new)] * 8 + [10**12, 2**63, 0])
    return struct.pack("<Q", said) + new + data[8 + length :]


# ---------------------------------------------------------------------------------------------
# cases


def run_case(target: Target, data: bytes, path: Path) -> str | None:
    """What goes wrong when a file is read; None if it is read, or refused as it should be."""
    from seq2seq.errors import Seq2SeqError

    path.write_bytes(data)
    if hasattr(signal, "alarm"):
        signal.alarm(SECONDS)
    try:
        target.read(path)
    except Seq2SeqError as error:
        return None if str(error) else "an error that says nothing"
    except (Exception, Hang):
        return traceback.format_exc()
    finally:
        if hasattr(signal, "alarm"):
            signal.alarm(0)
    return None


def work(seed: int, numbers: Iterator[int], folder: Path) -> None:
    """Runs cases; what goes wrong, and the number of the last one, is written to the folder."""
    warnings.simplefilter("ignore")
    samples = folder / "samples"
    samples.mkdir(exist_ok=True)
    targets = make_targets(samples)
    limit_memory()
    if hasattr(signal, "alarm"):
        signal.signal(signal.SIGALRM, hang)
    for number in numbers:
        (folder / "number").write_text(str(number))
        draw = random.Random(f"{seed} {number}")
        target = draw.choice(targets)
        data = change(draw.choice(target.samples), target.name, draw)
        problem = run_case(target, data, folder / target.name)
        if problem:
            with (folder / "finds").open("a", encoding="utf-8") as file:
                file.write(json.dumps([number, target.name, problem]) + "\n")
    (folder / "done").touch()


def hang(*_: object) -> None:
    """Ends a case that takes too long."""
    raise Hang(f"more than {SECONDS} seconds")


def limit_memory() -> None:
    """Leaves this process `MEMORY` more than it has, where the system can."""
    if sys.platform == "linux":
        import resource

        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))


def watch(arguments: argparse.Namespace, folder: Path) -> tuple[int, list[str]]:
    """Runs cases in other processes; returns how many, and what went wrong."""
    end = time.monotonic() + 60 * arguments.minutes
    finds, first, count = [], arguments.first, arguments.cases
    while not (folder / "done").exists():
        begun = time.monotonic()
        options = ["--child", str(folder), "--seed", str(arguments.seed), "--first", str(first)]
        options += ["--cases", str(count), "--minutes", str((end - begun) / 60)]
        timeout = end - begun + 60 if not count else 120 + count
        try:
            with (folder / "log").open("ab") as log:  # libraries say much about broken files
                command = [sys.executable, __file__, *options]
                process = subprocess.run(command, timeout=timeout, stderr=log, check=False)
            died = f"the process ended with {process.returncode}"
        except subprocess.TimeoutExpired:
            died = "the process hangs"
        if (folder / "done").exists():
            break
        if not (folder / "number").exists():
            return 0, [f"no case could be run: {died}"]
        number = int((folder / "number").read_text())
        finds.append(f"case {number}: {died}, see {folder / 'log'}")
        count -= (number + 1 - first) * bool(count)
        first = number + 1
        if time.monotonic() > end or (arguments.cases and not count):
            break
    if (folder / "finds").exists():
        for line in (folder / "finds").read_text(encoding="utf-8").splitlines():
            number, name, problem = json.loads(line)
            finds.append(f"case {number}, {name}: {problem}")
    return int((folder / "number").read_text()) + 1 - arguments.first, finds


def main() -> None:
    """The command line; exits with 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--cases", type=int, default=0, help="so many, however long they take")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        end = time.monotonic() + 60 * arguments.minutes
        last = arguments.first + arguments.cases
        numbers = iter(range(arguments.first, last) if arguments.cases else until(end, arguments))
        work(arguments.seed, numbers, Path(arguments.child))
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    root = str(Path(__file__).resolve().parents[2])
    os.environ["PYTHONPATH"] = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    count, finds = watch(arguments, folder)
    for find in finds:
        print(find)
    print(f"{count:,} cases, {len(finds)} finds; files in {folder}")
    sys.exit(bool(finds))


def until(end: float, arguments: argparse.Namespace) -> Iterator[int]:
    """Numbers of cases, as long as there is time."""
    number = arguments.first
    while time.monotonic() < end:
        yield number
        number += 1


if __name__ == "__main__":
    main()
