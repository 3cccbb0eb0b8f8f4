"""The page's translations are those of an int8 export, from text to text."""

import random
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seq2seq.config.decoding import DecodingSettings
from seq2seq.config.experiment import Experiment
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.data.tokenizers.rule_based import WordTokenizer
from seq2seq.data.vocabulary import SPECIAL_TOKENS, Vocab
from seq2seq.export.about import About
from seq2seq.export.html import Content
from seq2seq.export.search import search
from seq2seq.runs.run import Run
from seq2seq.translation.ensemble import load_translation_model
from tests.support.exports import exported_ensemble
from tests.support.hostile import LONG
from tests.support.javascript import needs_node, run_javascript
from tests.support.models import Build, attentive

KEPT = Path(__file__).parent.parent / "runs" / "format-2" / "translation"

Kept = tuple[Any, Experiment, tuple[str, str]]
VOCAB = Vocab([*SPECIAL_TOKENS, *"abcdefghi"], [0] * 13)
PIPELINES = (TextPipeline(WordTokenizer(), VOCAB), TextPipeline(WordTokenizer(), VOCAB))

SEARCH = """
const model = await readModel(...given.model);
return given.settings.map((settings) => given.sources.map((ids) =>
  beamSearch(model, ids, settings, settings.beam_size)
    .hypotheses.map(({ tokens, score }) => [tokens, score])));
"""
SEARCHES: list[dict[str, Any]] = [
    {"beam_size": 1},
    {"beam_size": 5},
    {"beam_size": 13},
    {"length_penalty": 0.0},
    {"beam_size": 1, "length_penalty": 0.3},
    {"min_length": 4},
    {"beam_size": 12, "min_length": 4, "max_length": 5},
    {"max_length": 1},
    {"max_length_ratio": 0.7, "max_length_extra": 1},
    {"min_length": 9, "max_length_ratio": 0.0, "max_length_extra": 1},
]

TRANSLATE = """
const model = await readModel(...given.model);
return given.lines.map((line) => given.beams.map((beamSize) => {
  const { sourceTokens, isCut, candidates } = translate(model, line, beamSize);
  const found = candidates.map(({ tokens, score, text }) => [tokens, score, text]);
  return { sourceTokens, isCut, candidates: found };
}));
"""

WORDS = """
return given.map(([tokenizer, tokens]) => {
  const words = wordsOf(tokenizer, tokens);
  return [words.map(({ space, text }) => space + text), words.flatMap((word) => word.tokens),
          detokenize(tokenizer, tokens)];
});
"""


@needs_node
def test_words_are_made_of_all_tokens(tmp_path: Path) -> None:
    kinds = {
        "sentencepiece": [
            "▁Sch",
            "nee",
            "▁",
            "日本",
            "語",
            "▁l",
            "'",
            "eau",
            ".",
            "▁नम",
            "स्ते",
            "␛",
            "s",
        ],
        "word": ["l'￭", "homme", "￭,", "日", "￭本", "<unk>", "￭-￭", "x"],
        "character": list("ab▁c.▁日本"),
        "space": ["a", "␛s", "b"],
    }
    plain = {"special_symbols": [], "lowercase": False}
    given = [[{"kind": kind, **plain}, tokens] for kind, tokens in kinds.items()]
    found = run_javascript(tmp_path, WORDS, given)
    for (words, places, text), tokens in zip(found, kinds.values(), strict=True):
        assert "".join(words) == text
        assert places == list(range(len(tokens)))
    assert found[0][0] == ["Schnee", " 日本", "語", " l'eau", ".", " नमस्ते", "▁"]
    assert found[1][0] == ["l'homme", ",", " 日", "本", " ⁇", "-x"]
    assert found[2][0] == ["ab", " ", "c", ".", " ", "日", "本"]


@needs_node
@pytest.mark.parametrize("feeding", [False, True])
def test_the_search_finds_the_same(tiny_model: Build, tmp_path: Path, feeding: bool) -> None:
    draw = random.Random(1)
    sources = [draw.choices(range(4, 11), k=draw.choice([0, 1, 2, 3, 5, 8])) for _ in range(40)]
    model = attentive(tiny_model, input_feeding=feeding, coverage=feeding).float()
    content = Content(model, PIPELINES, Experiment())

    every = [DecodingSettings(**each) for each in SEARCHES]
    given = {
        "model": content.embed(About()),
        "sources": sources,
        "settings": [asdict(each) for each in every],
    }
    graphs, swapped = exported_ensemble(model, int8=True), 0
    for settings, found in zip(every, run_javascript(tmp_path, SEARCH, given), strict=True):
        expected = search(graphs, [sources], settings, n=settings.beam_size)
        for hypotheses, candidates in zip(expected, found, strict=True):
            assert len(hypotheses) == len(candidates)
            for hypothesis, (tokens, score) in zip(hypotheses, candidates, strict=True):
                assert score == pytest.approx(hypothesis.score, abs=5e-3)
                swapped += tokens != hypothesis.tokens  # of all but equal score
    assert swapped <= 0.02 * len(SEARCHES) * len(sources) * 5


@pytest.fixture
def kept() -> Kept:
    """A kept run, its experiment, and what a page has of it."""
    run = Run(KEPT)
    loaded, experiment = load_translation_model(run), run.experiment(Experiment)
    content = Content(loaded.model, (loaded.source, loaded.target), experiment)
    return loaded, experiment, content.embed(About())


@needs_node
@pytest.mark.slow
def test_translations_are_equal(kept: Kept, tmp_path: Path) -> None:
    """All candidates of 300 sentences, with a beam of 1 and of 5."""
    loaded, experiment, model = kept
    draw = random.Random(1)
    words = list(loaded.source.vocab)[4:]
    lines = [" ".join(draw.choices(words, k=draw.randint(1, 12))) for _ in range(300)]
    given = {"model": model, "lines": lines, "beams": [1, 5]}
    found = run_javascript(tmp_path, TRANSLATE, given)
    tokens = loaded.source.tokenizer.tokenize_all(lines)
    ids = [loaded.source.vocab.ids(each) for each in tokens]
    same = 0
    for place, beam_size in enumerate((1, 5)):
        settings = replace(experiment.decoding, beam_size=beam_size)
        graphs = exported_ensemble(loaded.model, int8=True)
        expected = search(graphs, [ids], settings, n=beam_size)
        for number, hypotheses in enumerate(expected):
            answer = found[number][place]
            assert answer["sourceTokens"] == tokens[number]
            candidates = answer["candidates"]
            same += [each.tokens for each in hypotheses] == [each[0] for each in candidates]
            for hypothesis, (ids_found, score, text) in zip(hypotheses, candidates, strict=True):
                # A sum of float32 in another order may be rounded to the next whole number.
                if hypothesis.tokens == ids_found:
                    assert score == pytest.approx(hypothesis.score, abs=1e-2)
                assert text == loaded.target.decode(ids_found)
    assert same >= 0.99 * 600


@needs_node
def test_whatever_is_typed_is_answered(kept: Kept, tmp_path: Path) -> None:
    """Nothing, NUL, lone surrogates, and lines of 10,000 characters, which are cut as in Python."""
    loaded, experiment, model = kept
    lines = [
        "",
        " \t\u3000",
        "\x00",
        "\ud800 x \udfff",
        "\U0010ffff\ufffe",
        *(line[:10_000] for line in LONG),
    ]
    found = run_javascript(tmp_path, TRANSLATE, {"model": model, "lines": lines, "beams": [1]})
    limit = experiment.decoding.max_source_length
    for line, (answer,) in zip(lines, found, strict=True):
        tokens = loaded.source.tokenizer.tokenize(line)
        assert answer["sourceTokens"] == tokens[:limit]
        assert answer["isCut"] == (len(tokens) > limit)
        assert len(answer["candidates"]) == bool(tokens)
        for _, score, text in answer["candidates"]:
            assert np.isfinite(score)
            assert isinstance(text, str)
    assert sum(answer["isCut"] for (answer,) in found) > 3
