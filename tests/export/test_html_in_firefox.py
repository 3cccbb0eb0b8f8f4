"""A page in Firefox: it translates there, too, and asks nobody for anything."""

from pathlib import Path

import pytest

from seq2seq.config.experiment import Experiment
from seq2seq.export.about import About
from seq2seq.export.html import Content, page
from seq2seq.runs.run import Run
from seq2seq.translation.ensemble import load_translation_model
from tests.support.firefox import Firefox, needs_firefox

pytestmark = [needs_firefox, pytest.mark.slow]

KEPT = Path(__file__).parent.parent / "runs" / "format-2" / "translation"


def test_it_translates_and_can_be_looked_into(tmp_path: Path) -> None:
    run = Run(KEPT)
    loaded = load_translation_model(run)
    content = Content(loaded.model, (loaded.source, loaded.target), run.experiment(Experiment))
    path = tmp_path / "page.html"
    path.write_text(page(content, About("de", "en")), encoding="utf-8")
    (tmp_path / "profile").mkdir()
    with Firefox(tmp_path / "profile") as firefox:
        firefox.open(path)
        assert firefox.run("document.title") == "German to English"
        firefox.type("Emma sucht das Haus.")
        firefox.wait("document.querySelectorAll('#candidates li').length")
        shown = firefox.run("document.getElementById('output').textContent")
        assert shown == firefox.run("document.querySelector('#candidates .text').textContent")
        firefox.run("document.querySelector('summary').click()")
        firefox.wait("document.querySelectorAll('.view').length === 6")
        firefox.run("moveTo(2)")
        name = firefox.run("document.getElementById('moment-name').textContent")
        assert name.startswith("The encoder reads token 3 of ")
        # Firefox brings a font of its own.
        asked = {each for each in firefox.requests() if not each.startswith(("blob:", "data:"))}
        assert asked <= {path.as_uri(), "about:blank"}
        assert firefox.problems() == []
