"""`seq2seq export --format html`."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from seq2seq.export.about import About

KEPT = Path(__file__).parent.parent / "runs" / "format-2" / "translation"


def description(page: Path) -> dict[str, Any]:
    text = page.read_text(encoding="utf-8")
    found = re.search(r'<script id="description" type="application/json">(.*?)</script>', text)
    assert found is not None
    values: dict[str, Any] = json.loads(found[1])
    return values


def test_the_page_says_what_is_given_and_nothing_of_the_machine(
    tmp_path: Path, run: Callable[..., tuple[str, str]]
) -> None:
    path = tmp_path / "page.html"
    given = [
        "--about.source-language",
        "de",
        "--about.author",
        "Our school",
        "--about.licence",
        "CC0",
    ]
    shown, said = run("export", KEPT, "--format", "html", "--out", path, *given)
    size = path.stat().st_size / 1e6
    assert (shown, said.partition("\n")[0]) == ("", f"{path}: a page, {size:.1f} MB")
    told = description(path)
    found = told.pop("about")
    assert set(found) == {field.name for field in fields(About)}
    said = found["source_language"], found["author"], found["licence"]
    assert said == ("de", "Our school", "CC0")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", found["date"])
    assert re.fullmatch(
        r"\w+ with attention \([\w ]+\), \d+\.\d million weights of 8 bits", found["model"]
    )
    assert set(told) == {"source", "target", "encoder", "decoder", "decoding"}
    for side in ("source", "target"):
        assert set(told[side]) == {"tokenizer", "vocabulary"}


def test_mistakes(
    tmp_path: Path, run: Callable[..., tuple[str, str]], fails: Callable[..., str]
) -> None:
    path = tmp_path / "page.html"
    export = ["export", KEPT, "--format", "html", "--out"]
    wrong = ["--about.source-language", "no tag"]
    assert "--about.source-language 'no tag' is no language tag" in fails(*export, path, *wrong)
    assert "is a directory" in fails(*export, tmp_path)
    assert "there is no directory" in fails(*export, tmp_path / "none" / "page.html")
    assert "give --out FILE" in fails("export", KEPT, "--format", "html")
    run(*export, path)
    assert "is a page already" in fails(*export, path)
    before = path.read_bytes()
    run(*export, path, "--overwrite")
    assert path.read_bytes() == before
    path.write_text("<!DOCTYPE html><title>Mine</title>", encoding="utf-8")
    assert "is something else than a page" in fails(*export, path, "--overwrite")


def test_a_name_that_ends_in_html_is_a_page(
    tmp_path: Path, run: Callable[..., tuple[str, str]], fails: Callable[..., str]
) -> None:
    run("export", KEPT, "--out", tmp_path / "page.HTM")
    assert description(tmp_path / "page.HTM")
    export = ["export", KEPT, "--out", tmp_path / "other.html"]
    assert "give --format html, or another name" in fails(*export, "--format", "onnx")
    assert "always in int8" in fails(*export, "--quantize", "none")
    run(*export, "--quantize", "int8")
    run("export", KEPT, "--out", tmp_path / "directory")
    assert (tmp_path / "directory" / "export.json").exists()


def test_settings_that_a_page_does_not_follow_are_named(
    tmp_path: Path, run: Callable[..., tuple[str, str]]
) -> None:
    from seq2seq.runs.metadata import checksum

    path = shutil.copytree(KEPT, tmp_path / "run") / "experiment.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    values["experiment"]["decoding"]["no_repeat_ngram"] = 3
    values.pop("sha256")
    path.write_text(json.dumps({**values, "sha256": checksum(values)}), encoding="utf-8")
    _, said = run("export", path.parent, "--format", "html", "--out", tmp_path / "page.html")
    assert "without no_repeat_ngram" in said
