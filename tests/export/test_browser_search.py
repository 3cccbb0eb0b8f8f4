"""The page's translations are those of an int8 export, from text to text."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from seq2seq.config.experiment import Experiment
from seq2seq.export.html import Content
from seq2seq.export.search import search
from seq2seq.runs.run import Run
from seq2seq.translation.ensemble import load_translation_model
from tests.support.exports import exported
from tests.support.javascript import needs_node, run_javascript

KEPT = Path(__file__).parent.parent / "runs" / "format-2" / "translation"

TRANSLATE = """
const model = await readModel(given.description, given.weights);
return given.lines.map((line) => given.beams.map((beamSize) => {
  const { sourceTokens, candidates } = translate(model, line, beamSize);
  return [sourceTokens, candidates.map(({ tokens, score, text }) => [tokens, score, text])];
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
        "sentencepiece": ["▁Sch", "nee", "▁", "日本", "語", "▁l", "'", "eau", ".", "▁नम", "स्ते", "␛", "s"],
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
@pytest.mark.slow
def test_translations_are_equal(tmp_path: Path) -> None:
    """All candidates of 300 sentences, with a beam of 1 and of 5."""
    run = Run(KEPT)
    loaded, experiment = load_translation_model(run), run.experiment(Experiment)
    draw = random.Random(1)
    words = list(loaded.source.vocab)[4:]
    lines = [" ".join(draw.choices(words, k=draw.randint(1, 12))) for _ in range(300)]
    content = Content(loaded.model, (loaded.source, loaded.target), experiment)
    given = {"description": content.description, "weights": content.weights, "lines": lines}
    found = run_javascript(tmp_path, TRANSLATE, {**given, "beams": [1, 5]})
    tokens = loaded.source.tokenizer.tokenize_all(lines)
    ids = [loaded.source.vocab.ids(each) for each in tokens]
    same = 0
    for place, beam_size in enumerate((1, 5)):
        settings = replace(experiment.decoding, beam_size=beam_size)
        size = len(loaded.target.vocab)
        expected = search(exported(loaded.model, int8=True), ids, settings, size, n=beam_size)
        for number, hypotheses in enumerate(expected):
            source, candidates = found[number][place]
            assert source == tokens[number]
            same += [each.tokens for each in hypotheses] == [each[0] for each in candidates]
            for hypothesis, (ids_found, score, text) in zip(hypotheses, candidates, strict=True):
                # A sum of float32 in another order may be rounded to the next whole number.
                if hypothesis.tokens == ids_found:
                    assert score == pytest.approx(hypothesis.score, abs=1e-2)
                assert text == loaded.target.decode(ids_found)
    assert same >= 0.99 * 600
