"""`seq2seq card`: what it says, and that it says when it does not know."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sacrebleu
from huggingface_hub import ModelCard

from seq2seq import Translator
from tests.support.tampering import redescribe

KEPT = Path(__file__).parent.parent / "runs" / "format-2" / "translation"
SAID = (
    *(
        "--about.source-language",
        "de",
        "--about.target-language",
        "pt-BR",
        "--licence",
        "CC-BY-4.0",
    ),
    *("--about.author", "Our | school <b>", "--about.data", "user/stories:all"),
)
Command = Callable[..., tuple[str, str]]


def test_the_front_matter_is_what_the_hub_reads(run: Command) -> None:
    card = ModelCard(run("card", KEPT, *SAID, "--repository", "user/name")[0])
    assert card.data.language == ["de", "pt"]
    assert (card.data.license, card.data.library_name) == ("cc-by-4.0", "seq2seq")
    assert (card.data.pipeline_tag, card.data.datasets) == ("translation", ["user/stories"])
    (result,) = card.data.eval_results
    assert (result.metric_type, result.metric_value) == ("bleu", 100.0)
    assert result.metric_args["signature"].startswith("nrefs:1|case:mixed")
    assert card.text.lstrip().startswith("# German to Portuguese (pt-BR)\n")
    assert "| author | Our \\| school &lt;b> |" in card.text
    assert 'Translator.load("hf://user/name")' in card.text


def test_what_is_not_known_is_not_stated(run: Command) -> None:
    out, err = run("card", KEPT)
    data = ModelCard(out).data
    assert (data.language, data.license, data.datasets) == (None, None, None)
    assert out.count("| not stated |") == 6
    for flag in ("--about.source-language", "--about.author", "--about.licence", "--licence"):
        assert flag in err
    said = run("card", KEPT, *SAID, "--about.licence", "CC0-1.0")[1]
    assert "not stated" not in said


def test_norwegian_is_no_boolean(run: Command) -> None:
    out = run("card", KEPT, "--about.source-language", "no", "--licence", "Our own licence")[0]
    data = ModelCard(out).data
    assert (data.language, data.license, data.license_name) == (["no"], "other", "Our own licence")


def test_a_dataset_that_looks_like_one_of_the_hub_is_a_path(run: Command, tmp_path: Path) -> None:
    """Only what is said to be the data is named, and never what the settings have for it."""
    copy = Path(shutil.copytree(KEPT, tmp_path / "copy"))

    def change(values: dict[str, Any]) -> None:
        values["experiment"]["data"]["train"] = "secret/folder"

    redescribe(copy, change)
    assert "secret" not in run("card", copy)[0]


@pytest.mark.filterwarnings("ignore::UserWarning:sacrebleu")
def test_scores_of_a_test_text(run: Command, tmp_path: Path) -> None:
    lines = ["Emma sucht das Haus.", "Das Haus.", "Haus Haus"]
    references = ["Emma looks for the house.", "The house.", "House house"]
    files = [tmp_path / "text.de", tmp_path / "text.en"]
    for file, text in zip(files, (lines, references), strict=True):
        file.write_text("".join(f"{line}\n" for line in text), encoding="utf-8")
    out = tmp_path / "card.md"
    run("card", KEPT, *files, "--test-name", "Our stories", "--out", out)
    found = {
        each.metric_type: each.metric_value
        for each in ModelCard.load(out).data.eval_results
        if each.dataset_name == "Our stories"
    }
    hypotheses = Translator.load(KEPT, "cpu").translate(lines)
    assert found == {
        "bleu": round(sacrebleu.corpus_bleu(hypotheses, [references]).score, 2),
        "chrf": round(sacrebleu.corpus_chrf(hypotheses, [references]).score, 2),
        "ter": round(sacrebleu.corpus_ter(hypotheses, [references], case_sensitive=True).score, 2),
    }
    assert json.loads(run("evaluate", KEPT, *files, "--json")[0]).keys() == found.keys()


def test_a_card_of_an_export(run: Command, tmp_path: Path) -> None:
    run("export", KEPT, *SAID[:4], "--out", tmp_path / "exported")
    out = run("card", tmp_path / "exported")[0]
    assert ModelCard(out).data.tags == ["translation", "seq2seq", "rnn", "onnx"]
    assert "exported to ONNX" in out
    assert "# German to Portuguese (pt-BR)" in out
    assert "Scores: not stated." in out


def test_mistakes_are_told(fails: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "card.md").write_text("mine", encoding="utf-8")
    assert "is there already" in fails("card", KEPT, "--out", tmp_path / "card.md")
    assert "--source FILE and --reference FILE" in fails("card", KEPT, "text.de")
    assert "--test-name" in fails("card", KEPT, "--test-name", "x")
    assert "--licence 'a\\nb' is not one line" in fails("card", KEPT, "--licence", "a\nb")
    assert "no name of a model" in fails("card", KEPT, "--repository", "name")
    assert "there is no run at" in fails("card", tmp_path / "none")
    assert (tmp_path / "card.md").read_text(encoding="utf-8") == "mine"
