"""Wrong types handed to the public methods: a clear error that says what was expected."""

from pathlib import Path
from typing import Any

import pytest

from seq2seq.config.arguments import (
    as_list,
    check_count,
    check_run_path,
    check_strings,
    iter_checked,
)
from seq2seq.errors import DataError, SettingsError
from seq2seq.language_modeling.model import LanguageModel
from seq2seq.translation.reranker import Reranker
from seq2seq.translation.translator import Translator
from tests.support.language import network, running

NO_TEXT: list[Any] = [3, None, b"bytes", {"a": "b"}, 1.5, object]


@pytest.mark.parametrize("value", NO_TEXT, ids=str)
def test_what_is_no_text_is_named_with_its_type(value: Any) -> None:
    for check in (check_strings, as_list):
        with pytest.raises(DataError, match=r"text is .*: give a"):
            check(value, "text")
    with pytest.raises(DataError, match=r"text is .*: give lines"):
        list(iter_checked(value, "text"))
    for many in (check_strings, as_list):
        with pytest.raises(DataError, match=r"text: number 2 is .* and not a string"):
            many(["a", value], "text")


def test_text_comes_through_as_it_is() -> None:
    assert as_list("ab", "text") == ["ab"]
    for many in (["a", "b"], ("a", "b"), iter("ab")):
        assert as_list(many, "text") == ["a", "b"]
    assert check_strings([], "text") == []
    with pytest.raises(DataError, match=r"text is 'ab' \(str\): give a list of strings"):
        check_strings("ab", "text")


def test_a_stream_is_checked_as_it_comes() -> None:
    values: Any = ["a", 3]
    stream = iter_checked(values, "lines")
    assert next(stream) == "a"
    with pytest.raises(DataError, match="number 2"):
        next(stream)


@pytest.mark.parametrize("value", ["", 3, None, b"runs/a", ["runs/a"]], ids=repr)
def test_a_path_is_a_path(value: Any) -> None:
    with pytest.raises(SettingsError, match=r"run is .*: give the path of a run directory"):
        check_run_path(value)
    assert check_run_path(Path("runs/a")) == Path("runs/a")


@pytest.mark.parametrize("value", [0, True, "3", 1.0, None], ids=repr)
def test_a_number_is_a_number(value: Any) -> None:
    with pytest.raises(SettingsError, match=r"n is .*: ask for at least 1 candidate"):
        check_count(value, "n", 1, "candidate")


def test_a_translator_says_what_it_expected(trained: Path) -> None:
    model: Any = Translator.load(trained, "cpu")
    for call in (
        lambda: model.translate(3),
        lambda: model.translate([1, 2]),
        lambda: model.translate(None),
        lambda: model.translate(b"We eat."),
        lambda: model.translate("We eat.", prefix=3),
        lambda: model.candidates(["We eat.", 3]),
        lambda: model.translate({"a": 1}),
        lambda: list(model.translate_lines("We eat.")),
        lambda: model.score(["We eat."], [3]),
    ):
        with pytest.raises(DataError, match="string"):
            call()
    with pytest.raises(SettingsError, match="n is '5'"):
        model.candidates("We eat.", n="5")
    with pytest.raises(SettingsError, match="n is 1001: ask for at most 1,000"):
        model.candidates("We eat.", n=1001)
    with pytest.raises(SettingsError, match="unknown decoding setting beam: did you mean beam_s"):
        model.translate("We eat.", beam=3)
    with pytest.raises(SettingsError, match=r"--decoding.beam-size '3' is not int"):
        model.translate("We eat.", beam_size="3")
    for wrong in (3, None):
        path: Any = wrong
        with pytest.raises(SettingsError, match=r"run is .*: give the path"):
            Translator.load(path)
        with pytest.raises(SettingsError, match=r"ensemble is .*: give the path"):
            Translator.load(trained, "cpu", ensemble=[path])


def test_a_reranker_says_what_it_expected(trained: Path) -> None:
    translator = Translator.load(trained, "cpu")
    wrong: Any = "20"
    with pytest.raises(SettingsError, match="n is '20': ask for at least 2 candidates"):
        Reranker(translator, n=wrong)
    sources: Any
    for sources in (b"We eat.", 3, [3]):
        with pytest.raises(DataError, match="sources"):
            Reranker(translator).translate(sources)


def test_a_language_model_says_what_it_expected() -> None:
    text = running("word")
    model: Any = LanguageModel(network(len(text.pipeline.vocab)), text, device="cpu")
    for call in (
        lambda: model.score(3),
        lambda: model.score(["the cat", 3]),
        lambda: model.perplexity(3),
        lambda: model.perplexity([3]),
        lambda: model.evaluate_lines("the cat"),
        lambda: model.score(5),
        lambda: model.predict_ahead(3),
    ):
        with pytest.raises(DataError, match="string"):
            call()
    path: Any = 3
    with pytest.raises(SettingsError, match="run is 3"):
        LanguageModel.load(path)
    with pytest.raises(DataError, match=r"prefix is 3 \(int\): give a string"):
        model.generate(3)
    with pytest.raises(SettingsError, match="did you mean top_k"):
        model.generate(topk=3)


def test_no_more_can_be_chosen_among_than_the_vocabulary_has(trained: Path) -> None:
    translator = Translator.load(trained, "cpu")
    size = len(translator.target.vocab)
    assert translator.translate("", beam_size=size) == ""
    assert translator.translate("", method="sample", top_k=size) == ""
    for name, settings in (("beam-size", {}), ("top-k", {"method": "sample"})):
        wanted = {name.replace("-", "_"): size + 1}
        with pytest.raises(SettingsError, match=f"--decoding.{name} {size + 1} .* {size} tokens"):
            translator.translate("", **settings, **wanted)
    text = running("word")
    words = len(text.pipeline.vocab)
    model = LanguageModel(network(words), text, device="cpu")
    model.generate(top_k=words, max_tokens=1)
    with pytest.raises(SettingsError, match=f"--generation.top-k {words + 1} .* {words} tokens"):
        model.generate(top_k=words + 1)
