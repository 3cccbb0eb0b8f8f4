"""The names that settings allow are those of the classes and functions they choose among."""

from collections.abc import Collection
from typing import Any, get_args

import pytest

from seq2seq.config import symbols
from seq2seq.config.data import SUBWORDS, TOKEN_SETTINGS, DataSettings, TokenizerKind
from seq2seq.config.decoding import SearchMethod, UtilityName
from seq2seq.config.language_model import SmoothingName
from seq2seq.config.model import AttentionName, CellName
from seq2seq.config.training import PARTS as PART_NAMES
from seq2seq.config.training import MetricName
from seq2seq.data.tokenizers.base import TOKENIZERS
from seq2seq.data.tokenizers.normalization import ESCAPE, JOINER, SPACE
from seq2seq.data.vocabulary import SPECIAL_TOKENS
from seq2seq.data.writers import FORMATS, Format
from seq2seq.decoding.search import SEARCHES
from seq2seq.evaluation.metrics import METRICS, UTILITIES
from seq2seq.models.attention.registry import ATTENTIONS
from seq2seq.models.cells.registry import CELLS
from seq2seq.models.freezing import PARTS
from seq2seq.models.ngram.model import SMOOTHINGS

CHOICES: dict[str, tuple[Any, Collection[str]]] = {
    "attention": (AttentionName, ["none", *ATTENTIONS]),
    "cell": (CellName, CELLS),
    "search": (SearchMethod, SEARCHES),
    "written": (Format, [*FORMATS, "parquet"]),
    "tokenizer": (TokenizerKind, TOKENIZERS),
    "metric": (MetricName, METRICS),
    "utility": (UtilityName, UTILITIES),
    "smoothing": (SmoothingName, SMOOTHINGS),
}


@pytest.mark.parametrize(("names", "classes"), CHOICES.values(), ids=CHOICES)
def test_every_allowed_name_is_one_of_a_class(names: Any, classes: Collection[str]) -> None:
    assert sorted(get_args(names)) == sorted(classes)


def test_what_is_said_of_tokens_is_of_fields_and_kinds_that_there_are() -> None:
    assert {*TOKEN_SETTINGS} <= DataSettings.__dataclass_fields__.keys()
    assert {*SUBWORDS} <= {*get_args(TokenizerKind)}


def test_what_may_be_frozen_is_known_to_a_model() -> None:
    assert sorted(PART_NAMES) == sorted(PARTS)


def test_what_no_symbol_can_be_is_what_has_a_meaning_in_tokens() -> None:
    assert symbols.SPECIAL_TOKENS == SPECIAL_TOKENS
    assert symbols.MARKS_IN_TOKENS == JOINER + SPACE + ESCAPE
