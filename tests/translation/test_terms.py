"""An expert's terms in translations, from Python and by the command."""

import re
from pathlib import Path

import pytest

from seq2seq.data.readers.lines import read_lines
from seq2seq.data.terminology import Terminology
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.data.tokenizers.rule_based import CharacterTokenizer, WordTokenizer
from seq2seq.data.vocabulary import UNK_ID, Vocab
from seq2seq.errors import DataError, SettingsError
from seq2seq.export.write import write_export
from seq2seq.translation.terms import ModelTerms, TermRecall, WideBeamWarning
from seq2seq.translation.translator import Translator

TERMS = {"we": "ils", "story": "maison", "must": "peuvent"}
TEXTS = ["We must write a story.", "", "Who is that?", "We saw what we saw.", "A story."]


@pytest.fixture(scope="module")
def translator(trained: Path) -> Translator:
    return Translator.load(trained, "cpu")


def test_each_time_a_term_is_in_a_sentence_it_is_in_the_translation(
    translator: Translator, sample: Path
) -> None:
    texts = [*TEXTS, *read_lines(sample / "test.en")[:200]]
    found = translator.translate(texts, terms=TERMS, beam_size=8, max_length_extra=30)
    plain = translator.translate(texts, beam_size=8, max_length_extra=30)
    assert found[1] == ""
    terms, several = Terminology.of(TERMS), 0
    for text, translation, before in zip(texts, found, plain, strict=True):
        wanted = [term.target for term in terms.find(text)]
        several += len(wanted) > 1
        for word in wanted:
            assert len(re.findall(rf"\b{word}\b", translation)) >= wanted.count(word)
        assert wanted or translation == before
    assert several


def test_a_sentence_alone_gives_what_it_gives_in_any_batch(translator: Translator) -> None:
    with pytest.warns(WideBeamWarning, match="wider than 2 for 2 of 4 sentences, at most 4"):
        together = translator.translate(TEXTS, terms=TERMS, beam_size=2)
    for size in (1, 3):
        with pytest.warns(WideBeamWarning):
            again = translator.translate(TEXTS[::-1], terms=TERMS, beam_size=2, batch_size=size)
        assert again[::-1] == together
    options = {"beam_size": 4, "terms": TERMS}
    with pytest.warns(WideBeamWarning):
        alone = translator.translate(TEXTS[0], terms=TERMS, beam_size=2)
    assert alone == together[0] == translator.translate(TEXTS[0], **options)
    assert translator.candidates(TEXTS[0], 4, **options)[0].text == alone
    assert [*translator.translate_lines(iter(TEXTS[:2]), **options)] == together[:2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "sample"}, "terms need beam search, .*--decoding.method sample"),
        ({"method": "mbr"}, "decoding.method mbr"),
        ({"method": "diverse-beam"}, "decoding.method diverse-beam"),
        ({"beam_size": 1}, "beam-size 1 is greedy search"),
        ({"shortlist": 20}, "can't be used with --decoding.shortlist"),
    ],
)
def test_what_can_not_be_held_to_terms_is_refused(
    translator: Translator, options: dict[str, object], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        translator.translate("We must.", terms=TERMS, **options)


def test_an_export_is_refused(translator: Translator, trained: Path, tmp_path: Path) -> None:
    from seq2seq.config.experiment import Experiment
    from seq2seq.runs.run import Run

    settings = Run(trained).experiment(Experiment)
    sides = translator.source, translator.target
    write_export(tmp_path / "export", translator.model, sides, settings)
    exported = Translator.load(tmp_path / "export")
    with pytest.raises(SettingsError, match="terms: an exported model is searched without them"):
        exported.translate("We must.", terms=TERMS)


def test_a_translation_that_the_vocabulary_lacks_is_refused(translator: Translator) -> None:
    with pytest.raises(DataError, match=r"terms\['we'\]: the model can't write 'la 🦜'.* '🦜'"):
        translator.translate("We must.", terms={"we": "la 🦜"})


def test_terms_are_words_of_the_target_as_inside_of_a_sentence() -> None:
    tokenizer = WordTokenizer()
    vocab = Vocab.build([tokenizer.tokenize(text) for text in ("我狗", "a dog's", "dogs")])
    target = TextPipeline(tokenizer, vocab)
    terms = ModelTerms(Terminology.of({"a": "狗", "b": "dog"}), target)
    assert [vocab.tokens(ids) for ids in terms.ids.values()] == [["￭狗"], ["dog"]]
    characters = CharacterTokenizer()
    letters = Vocab.build([characters.tokenize("hot dogs")])
    terms = ModelTerms(Terminology.of({"b": "dog"}), TextPipeline(characters, letters))
    phrases = terms.phrases("B")
    assert UNK_ID not in terms.ids[terms.terms.terms["b"]]
    for text, unmet in (("dog", 0), ("hot dog", 0), ("hotdog", 3), ("dogs", 3), ("dogs dog", 0)):
        assert phrases.unmet(letters.ids(characters.tokenize(text))) == unmet, text


def test_the_recall_is_counted_by_term_and_line(translator: Translator) -> None:
    recall = TermRecall(Terminology.of({"a b": "x", "b": "x y", "c": "X"}), translator.target)
    assert [*recall.report()] == ["terms: none of the 3 is in the text"]
    recall.add(1, "A b, b; c c.", "x y x X.")
    recall.add(2, "b", "xx y")
    assert [*recall.report()] == [
        "terms: 3 of 5 came out (60.0%)",
        "  c -> X: 1 of 2; missed in line 1",
        "  b -> x y: 1 of 2; missed in line 2",
    ]
    many = TermRecall(Terminology.of({"b": "x"}), translator.target)
    for line in range(1, 13):
        many.add(line, "b", "")
    assert [*many.report()][1].endswith("missed in line 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, …")
