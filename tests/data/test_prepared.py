"""Batches of prepared text: counted from lengths, the same whichever comes first; broken files."""

import json
import random
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.config.data import DataSettings
from seq2seq.data import buckets
from seq2seq.data.batching import Batch, bucket
from seq2seq.data.buckets import BatchLimits, EpochBatches, count_batches
from seq2seq.data.prepared import PreparedText
from seq2seq.errors import DataError
from seq2seq.translation import text_shards
from seq2seq.translation.preparing import prepare_text
from seq2seq.translation.text_shards import Preparation

PAIRS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=60)
LIMITS = BatchLimits(tokens=100, longest=6)
LONGEST = 9


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """500 pairs of letters to copy, in shards of three small blocks."""
    folder = tmp_path_factory.mktemp("prepared")
    generator = random.Random(1)
    lines = [
        f"{n} {' '.join(generator.choices('abcdef', k=generator.randint(0, LONGEST - 1)))}"
        for n in range(500)
    ]
    table = folder / "pairs.tsv"
    table.write_text("".join(f"{line}\t{line}\n" for line in lines), encoding="utf-8")
    data = DataSettings(tokenizer="space", vocab_size=1000, validation=str(table))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_shards, "BLOCK", 16)
        patch.setattr(text_shards, "SHARD", 48)
        prepare_text(Preparation([(str(table),)], data, workers=1), folder / "text")
    return folder / "text"


@pytest.fixture
def small_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eleven buffers in an epoch."""
    monkeypatch.setattr(buckets, "BUFFER", 3)


def contents(batches: EpochBatches) -> list[list[list[int]]]:
    return [batch.source.tolist() for batch in batches]


def sources(batches: EpochBatches) -> Counter[tuple[int, ...]]:
    """Each source, without pads and eos."""
    return Counter(
        tuple(row[: length - 1])
        for batch in batches
        for row, length in zip(batch.source.tolist(), batch.source_lengths.tolist(), strict=True)
    )


@given(PAIRS, st.integers(1, 200))
def test_batches_are_counted_without_making_them(pairs: list[tuple[int, int]], budget: int) -> None:
    one, other = [list(side) for side in zip(*pairs, strict=True)] if pairs else ([], [])
    lengths = np.array([one, other], dtype=np.int32)
    assert count_batches(lengths, budget) == len(bucket(one, other, budget))


@pytest.mark.usefixtures("small_buffers")
def test_an_epoch_has_every_pair_once_but_long_ones(folder: Path) -> None:
    text = PreparedText(folder)
    source, _ = text.pipelines()
    table = (folder.parent / "pairs.tsv").read_text().splitlines()
    ids = source.encode([line.split("\t")[0] for line in table])
    expected = Counter(tuple(each) for each in ids if len(each) <= LIMITS.longest)
    assert expected.total() == text.size(LIMITS.longest).pairs < text.size().pairs == 500
    for epoch in (0, 1):
        batches = EpochBatches(text, LIMITS, 1, epoch)
        assert len(batches.buffers) == 11
        assert sources(batches) == expected
        assert all(
            max(batch.source.numel(), batch.target_input.numel()) <= 100 for batch in batches
        )


@pytest.mark.usefixtures("small_buffers")
def test_batches_follow_from_seed_epoch_and_number(folder: Path) -> None:
    """Whichever is asked for first, and however many are made ahead."""
    text = PreparedText(folder)
    whole = contents(EpochBatches(text, LIMITS, 1, 4))
    assert contents(EpochBatches(text, LIMITS, 1, 4)) == whole
    jumping = EpochBatches(text, LIMITS, 1, 4)
    order = [*range(0, len(whole), 7), 3, 4, 5, len(whole) - 1, 0]
    assert [jumping[n].source.tolist() for n in order] == [whole[n] for n in order]
    assert [batch.source.tolist() for batch in jumping[2:5]] == whole[2:5]
    for seed, epoch in ((2, 4), (1, 5)):
        assert contents(EpochBatches(text, LIMITS, seed, epoch)) != whole
    for number in (-1, len(whole)):
        with pytest.raises(IndexError, match="there is no batch"):
            jumping[number]


def test_text_of_one_buffer_has_the_batches_of_text_in_memory(folder: Path) -> None:
    text = PreparedText(folder)
    (source, _), longest = text.pipelines(), LIMITS.longest
    table = (folder.parent / "pairs.tsv").read_text().splitlines()
    ids = [
        each for each in source.encode([r.split("\t")[0] for r in table]) if len(each) <= longest
    ]
    lengths = [len(each) for each in ids]
    generator = torch.Generator().manual_seed(3 * 1_000_003 + 2)
    expected = [
        [ids[place] for place in places]
        for places in bucket(lengths, lengths, LIMITS.tokens, generator)
    ]
    found = [rows(batch) for batch in EpochBatches(text, LIMITS, 3, 2)]
    assert found == expected


def rows(batch: Batch) -> list[list[int]]:
    """The sources of a batch, without pads and eos."""
    pairs = zip(batch.source.tolist(), batch.source_lengths.tolist(), strict=True)
    return [row[: length - 1] for row, length in pairs]


@pytest.mark.usefixtures("small_buffers")
def test_what_stands_before_a_batch_is_not_read(folder: Path, tmp_path: Path) -> None:
    """A damaged block is found by the batches of its own buffer, and by no others."""
    whole = EpochBatches(PreparedText(folder), LIMITS, 1, 0)
    last = whole[len(whole) - 1].source.tolist()
    spoilt = Path(shutil.copytree(folder, tmp_path / "spoilt"))
    text = PreparedText(spoilt)
    batches = EpochBatches(text, LIMITS, 1, 0)
    for number in batches.buffers[0]:
        spoil(text, number)
    assert batches[len(batches) - 1].source.tolist() == last
    with pytest.raises(DataError, match=r"pairs-000\d\d.arrow is damaged: block \d does not have"):
        batches[0]


def spoil(text: PreparedText, number: int) -> None:
    """Changes one id of a block."""
    path, ids = text.blocks[number].path, text.read(number).source.values.tobytes()
    data = path.read_bytes()
    assert data.count(ids) == 2 - (text.read(number).target.values.tobytes() != ids)
    path.write_bytes(data.replace(ids, bytes([ids[0] ^ 1]) + ids[1:]))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


BROKEN: list[tuple[str, Callable[[Path], object], str]] = [
    ("pairs-00002.arrow", Path.unlink, "pairs-00002.arrow is missing"),
    ("pairs-00002.arrow", truncate, "pairs-00002.arrow is damaged: it has"),
    ("prepared.json", Path.unlink, "can't read the description of prepared text"),
    ("prepared.json", truncate, "prepared.json is not a description of prepared text"),
    ("prepared.json", lambda path: path.write_text("{}"), 'it lacks "format"'),
    ("prepared.json", lambda path: path.rename(path.with_name("preparing.json")), "only half"),
]


@pytest.mark.parametrize(("name", "breaks", "message"), BROKEN)
def test_broken_text_is_named(
    folder: Path, tmp_path: Path, name: str, breaks: Callable[[Path], object], message: str
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    breaks(copy / name)
    with pytest.raises(DataError, match=re.escape(message)):
        PreparedText(copy)


def test_a_shard_that_goes_while_it_is_read_is_named(folder: Path, tmp_path: Path) -> None:
    text = PreparedText(shutil.copytree(folder, tmp_path / "copy"))
    text.blocks[4].path.unlink()
    with pytest.raises(DataError, match=r"pairs-00001.arrow is missing: copy it again"):
        text.read(4)


def test_the_shards_are_datasets(folder: Path) -> None:
    """`datasets` reads them as they are."""
    import datasets

    text = PreparedText(folder)
    table = datasets.Dataset.from_file(str(text.blocks[0].path))
    assert len(table) == 48
    row = text.pipelines()[0].decode(table[0]["source"])
    assert row == (folder.parent / "pairs.tsv").read_text().split("\t")[0]
    described = json.loads((folder / "prepared.json").read_text())
    assert described["shards"][0]["bytes"] == text.blocks[0].path.stat().st_size
