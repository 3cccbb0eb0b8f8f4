"""The fuzzer for some seconds, with a fixed seed; and what files promise, held to account."""

import json
import struct
import subprocess
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from seq2seq.data.tokenizers.sentencepiece import SentencePieceTokenizer
from seq2seq.errors import DataError, RunError
from seq2seq.models.ngram.arpa import read_arpa
from seq2seq.runs.tensors import load_tensors

pytestmark = pytest.mark.slow

FUZZER = Path(__file__).resolve().parent / "support" / "fuzz.py"


def test_nearly_right_files_are_read_or_refused(
    command: Callable[..., subprocess.CompletedProcess[bytes]],
) -> None:
    result = command(FUZZER, "--seed", 1, "--cases", 150)
    assert result.returncode == 0, result.stdout.decode()
    assert result.stdout.startswith(b"150 cases, 0 finds")


def test_what_a_file_promises_takes_no_memory(tmp_path: Path) -> None:
    many = 10**12
    arpa, tensors = tmp_path / "a.arpa", tmp_path / "a.safetensors"
    arpa.write_text(f"\\data\\\nngram 1={many}\n\n\\1-grams:\n-1\ta\n")
    claims = {"a": {"dtype": "F32", "shape": [many], "data_offsets": [0, 4 * many]}}
    header = json.dumps(claims).encode()
    tensors.write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    tracemalloc.start()
    try:
        with pytest.raises(
            DataError, match=r"the header says 1000000000000 1-grams, and here are 1"
        ):
            read_arpa(arpa)
        with pytest.raises(RunError, match="damaged"):
            load_tensors(tensors)
        tensors.write_bytes(struct.pack("<Q", many) + header)
        with pytest.raises(RunError, match="damaged"):
            load_tensors(tensors)
        with pytest.raises(DataError, match="cut short"):
            SentencePieceTokenizer(b"\x0a\x80\xa0\x94\xa5\x8d\x1d" + bytes(8))
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()
