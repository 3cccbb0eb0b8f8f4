"""The notebook recipes/tour.ipynb runs from top to bottom, and shows what it says."""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parent.parent / "recipes"


def shown(cell: Any, kind: str) -> str:
    """What a cell printed ("text/plain" of a value included), or its pictures."""
    parts = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream" and kind == "text/plain":
            parts.append(output.text)
        elif kind in output.get("data", {}):
            parts.append(output.data[kind])
    return "".join(parts)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of jupyter's own packages
def test_the_tour_runs_and_ends_with_a_translator() -> None:
    book = nbformat.read(FOLDER / "tour.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in book.cells)  # they would grow stale
    NotebookClient(book, timeout=600, resources={"metadata": {"path": str(FOLDER)}}).execute()
    assert sum(bool(shown(cell, "image/png")) for cell in book.cells) == 5
    text = "\n".join(shown(cell, "text/plain") for cell in book.cells)
    assert "Traceback" not in text
    assert "True (2, 5, 4)" in text  # step after step is the whole sequence
    scores = re.findall(r"^([\d.]+)  nrefs", text, re.MULTILINE)
    assert float(scores[-1]) > 60
