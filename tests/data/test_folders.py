"""Folders laid out as on the Hugging Face Hub: which of their files are which split."""

import gzip
import json
from pathlib import Path

import pytest

from seq2seq.data.monolingual import read_monolingual
from seq2seq.data.parallel import ParallelCorpus
from seq2seq.data.readers.hub import SPLIT_NAMES
from seq2seq.errors import DataError


def make(folder: Path, *names: str) -> None:
    """Writes files whose only pair is their own name and their place."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        record = {"source": name, "target": path.parent.name}
        if name.endswith(".parquet"):
            import pyarrow
            from pyarrow import parquet

            parquet.write_table(pyarrow.Table.from_pylist([record]), path)
        else:
            text = f"{name}\tx\n" if ".tsv" in name else f"{name}\n"
            data = (json.dumps(record) if ".jsonl" in name else text).encode()
            path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)


def read(folder: Path, split: str) -> list[str]:
    return ParallelCorpus.read(folder, split=split).sources


SPELLINGS = [(split, name) for split, names in SPLIT_NAMES.items() for name in names]


@pytest.mark.parametrize(("split", "name"), SPELLINGS)
@pytest.mark.parametrize(
    "form",
    ["{}.jsonl", "data/{}.jsonl.gz", "{}-00000-of-00001.parquet", "{}/0000.parquet",
     "data/{}/part-7.jsonl", "default/{}/0000.parquet", "{}_v2/a.tsv", "{}1.tsv", "m30k.{}.tsv",
     "corpus-{}-de.tsv", "my_{}.jsonl", "{}-00000-of-00001-0123456789abcdef.parquet"],
)  # fmt: skip
def test_splits_are_named_as_datasets_has_it(
    tmp_path: Path, split: str, name: str, form: str
) -> None:
    """By files or by folders; other splits beside it make no difference, nor other words."""
    others = [form.format(each) for kind, each in SPELLINGS if kind != split]
    make(tmp_path, form.format(name), *others[::3], "README.md", form.format("trainer"))
    assert read(tmp_path, split) == [form.format(name)]
    assert read(tmp_path, name) == [form.format(name)]


def test_datasets_reads_the_same_files(tmp_path: Path) -> None:
    """For every spelling that it knows."""
    from datasets.data_files import SPLIT_KEYWORDS

    assert {str(k): {*v} for k, v in SPLIT_KEYWORDS.items()} == {
        split: {*names} - {"development"} for split, names in SPLIT_NAMES.items()
    }


def test_shards_are_read_in_order(tmp_path: Path) -> None:
    for number, names in enumerate(
        [
            ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"],
            ["train_1.tsv", "train_2.tsv"],
            ["data/train/0000.parquet", "data/train/0001.parquet"],
            ["train/europarl.tsv", "train/tatoeba.tsv"],
            ["train-00000-of-00002-0123456789abcdef.jsonl", "train-00001-of-00002-1a.jsonl"][:1],
        ]
    ):
        make(tmp_path / str(number), *reversed(names), "test.jsonl")
        assert read(tmp_path / str(number), "train") == names


@pytest.mark.parametrize(
    "names",
    [
        ("train.tsv", "train.jsonl"),
        ("train.tsv", "train.tsv.gz"),
        ("train.de-en.tsv", "train.de-fr.tsv"),
        ("de-en/train.tsv", "de-fr/train.tsv"),
        ("de-en/train/0000.parquet", "de-fr/train/0000.parquet"),
        ("a.train.tsv", "b.train.tsv"),
        ("train/a.tsv", "train/b.jsonl"),
    ],
)
def test_what_could_be_several_things_is_told(tmp_path: Path, names: tuple[str, ...]) -> None:
    make(tmp_path, *names)
    with pytest.raises(DataError, match=r"'train' in .* could be several things: .*give the path"):
        read(tmp_path, "train")


@pytest.mark.parametrize("names", [("valid.tsv", "dev.tsv"), ("val/a.tsv", "dev/a.tsv")])
def test_two_validation_sets_are_told(tmp_path: Path, names: tuple[str, str]) -> None:
    make(tmp_path, *names)
    with pytest.raises(DataError, match=r"'validation' in .* could be several things"):
        read(tmp_path, "validation")
    assert read(tmp_path, names[1][: names[1].index("v") + 1]) == [names[1]], "as it is called"


def test_the_clearest_name_counts(tmp_path: Path) -> None:
    make(tmp_path, "train.tsv", "extra.train.tsv", "training.tsv", "validation.tsv", "dev.tsv")
    assert read(tmp_path, "train") == ["train.tsv"]
    assert read(tmp_path, "validation") == ["validation.tsv"]


def test_a_single_file_is_the_training_split(tmp_path: Path) -> None:
    make(tmp_path, "pairs.tsv", "README.md")
    assert read(tmp_path, "train") == ["pairs.tsv"]
    with pytest.raises(DataError, match=r"'validation' .* must have 'validation' or 'valid' or"):
        read(tmp_path, "validation")
    make(tmp_path / "other", "test.tsv")
    with pytest.raises(DataError, match=r"no file for the split 'train'.*: test\.tsv"):
        read(tmp_path / "other", "train")


def test_a_folder_of_books_is_running_text(tmp_path: Path) -> None:
    make(tmp_path, "train/b.txt", "train/a.txt", "val/c.txt")
    assert read_monolingual(tmp_path) == ["train/a.txt", "train/b.txt"]
    assert read_monolingual(tmp_path, split="validation") == ["val/c.txt"]
