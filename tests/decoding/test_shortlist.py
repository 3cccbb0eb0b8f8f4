"""Shortlists: what they leave of the vocabulary, for every search; and their file."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from seq2seq.config.decoding import MAX_SHORTLIST, DecodingSettings
from seq2seq.data.batching import make_batch
from seq2seq.data.vocabulary import EOS_ID
from seq2seq.decoding.hypothesis import Hypothesis
from seq2seq.decoding.search import search
from seq2seq.decoding.shortlist import Shortlist, load_shortlist, save_shortlist
from seq2seq.errors import RunError, SettingsError
from seq2seq.models.translation import TranslationModel
from seq2seq.runs.tensors import save_tensors

CPU = torch.device("cpu")
SOURCES = [[4, 5, 6], [10], [7, 8, 4, 9, 10, 4], [], [5, 5], [9], [6, 7, 8, 9], [4, 5, 6]]
SPECIAL = [0, 1, 2, 3]
METHODS: list[dict[str, object]] = [
    {"beam_size": 1},
    {"beam_size": 4},
    {"beam_size": 4, "no_repeat_ngram": 2, "min_length": 2},
    {"beam_size": 4, "replace_unknown": True, "coverage_penalty": 0.1},
    {"method": "diverse-beam", "beam_size": 4, "groups": 2},
]
KINDS: list[dict[str, object]] = [
    {"attention": "none", "context": "both"},
    {"attention": "scaled-general", "lexical": True, "tied_output": True},
    {"attention": "additive", "attention_order": "bahdanau", "coverage": True},
]
every_method = pytest.mark.parametrize("options", METHODS, ids=str)


def everything() -> Shortlist:
    """For a vocabulary of 11 source and 13 target tokens, all of the target."""
    return Shortlist(torch.arange(13).expand(11, -1).int(), torch.tensor(SPECIAL).int())


def some() -> Shortlist:
    """For each source token three target tokens; 5 is always there, 12 never."""
    best = 6 + (torch.arange(11).unsqueeze(1) + torch.tensor([0, 2, 5])) % 6
    return Shortlist(best.int(), torch.tensor([*SPECIAL, 5]).int())


def own_tokens(source: list[int], size: int) -> list[int]:
    """What `some` allows for a sentence."""
    lists = some().best[[*source, EOS_ID], :size]
    return sorted({*SPECIAL, 5, *lists.flatten().tolist()})


def sharp(tiny_model: Callable[..., TranslationModel], **settings: object) -> TranslationModel:
    """A model whose sentences differ and end at different lengths."""
    model = tiny_model(**{"attention": "scaled-general", "decoder_sizes": (8,), **settings})
    with torch.no_grad():
        for weight in model.parameters():
            weight *= 2
    return model.double()


def found(
    model: TranslationModel,
    shortlist: Shortlist | None,
    size: int,
    sources: list[list[int]] = SOURCES,
    *,
    prefixes: list[list[int]] | None = None,
    **options: object,
) -> list[list[Hypothesis]]:
    chosen = {"max_length_ratio": 1.5, "max_length_extra": 3, "shortlist": size, **options}
    settings = DecodingSettings(**chosen)
    return search(
        [model],
        [sources],
        settings,
        CPU,
        n=3 if options.get("beam_size") != 1 else 1,
        prefixes=prefixes,
        attention=model.decoder.attention is not None,
        shortlist=shortlist,
    )


def assert_same(first: list[list[Hypothesis]], second: list[list[Hypothesis]]) -> None:
    for mine, theirs in zip(first, second, strict=True):
        assert [h.tokens for h in mine] == [h.tokens for h in theirs]
        for one, other in zip(mine, theirs, strict=True):
            assert one.log_probability == pytest.approx(other.log_probability, abs=1e-4)
            assert one.score == pytest.approx(other.score, abs=1e-4)
            torch.testing.assert_close(one.attention, other.attention)


@every_method
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_list_of_everything_changes_nothing(
    tiny_model: Callable[..., TranslationModel],
    kind: dict[str, object],
    options: dict[str, object],
) -> None:
    if kind["attention"] == "none" and "replace_unknown" in options:
        options = {"beam_size": 4, "max_length": 5}
    model = sharp(tiny_model, **kind)
    prefixes = [[9, 4], [], [12], [], [5, 5, 5], [1], [], [6]]
    for begun in (None, prefixes):
        full = found(model, None, 0, prefixes=begun, **options)
        assert_same(found(model, everything(), 13, prefixes=begun, **options), full)


@every_method
def test_a_sentence_has_its_own_tokens_whatever_stands_around_it(
    tiny_model: Callable[..., TranslationModel], options: dict[str, object]
) -> None:
    model = sharp(tiny_model)
    together = found(model, some(), 2, **options)
    assert_same(found(model, some(), 2, batch_size=1, **options), together)
    backwards = found(model, some(), 2, SOURCES[::-1], batch_size=3, **options)
    assert_same(backwards[::-1], together)
    for source, hypotheses in zip(SOURCES, together, strict=True):
        for hypothesis in hypotheses:
            assert {*hypothesis.tokens} <= {*own_tokens(source, 2)}
    assert together != found(model, None, 0, **options)


@torch.no_grad()
def test_probabilities_are_those_of_the_tokens_among_each_other(
    tiny_model: Callable[..., TranslationModel],
) -> None:
    model = sharp(tiny_model)
    for source, hypotheses in zip(SOURCES, found(model, some(), 3), strict=True):
        for hypothesis in hypotheses:
            batch = make_batch([source], [hypothesis.tokens])
            logits = model(batch.source, batch.source_lengths, batch.target_input)[0]
            own = logits[:, own_tokens(source, 3)].logsumexp(dim=1)
            each = logits.gather(1, batch.target_output.T).squeeze(1) - own
            assert hypothesis.log_probability == pytest.approx(float(each.sum()), abs=1e-4)


@every_method
def test_a_prefix_may_have_any_token(
    tiny_model: Callable[..., TranslationModel], options: dict[str, object]
) -> None:
    model = sharp(tiny_model)
    prefixes = [[12], [], [12, 12, 12], [], [12, 7], [], [], [12]]
    results = found(model, some(), 1, prefixes=prefixes, **options)
    for prefix, hypotheses in zip(prefixes, results, strict=True):
        for hypothesis in hypotheses:
            assert hypothesis.tokens[: len(prefix)] == prefix
            assert -1e4 < hypothesis.log_probability < 0
            assert 12 not in hypothesis.tokens or prefix


def test_an_ensemble_has_the_list_of_its_first_member(
    tiny_model: Callable[..., TranslationModel],
) -> None:
    members = [sharp(tiny_model), sharp(tiny_model, cell="lstm", attention="none")]
    other = [[token for token in source for _ in range(2)] for source in SOURCES]
    settings = DecodingSettings(shortlist=2)
    results = search(members, [SOURCES, other], settings, CPU, shortlist=some())
    for source, hypotheses in zip(SOURCES, results, strict=True):
        assert {*hypotheses[0].tokens} <= {*own_tokens(source, 2)}
    settings = DecodingSettings(shortlist=13)
    results = search(members, [SOURCES, other], settings, CPU, shortlist=everything())
    full = search(members, [SOURCES, other], DecodingSettings(), CPU)
    assert [row[0].tokens for row in results] == [row[0].tokens for row in full]


def test_without_a_list_it_is_refused(tiny_model: Callable[..., TranslationModel]) -> None:
    with pytest.raises(SettingsError, match="shortlist"):
        found(tiny_model(), None, 5)


def test_it_comes_back_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "shortlist.safetensors"
    save_shortlist(path, some(), "one")
    for again, before in zip(load_shortlist(path, (11, 13), "one"), some(), strict=True):
        assert torch.equal(again, before)
        assert again.dtype == before.dtype
    with pytest.raises(RunError, match="another run"):
        load_shortlist(path, (11, 13), "other")
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    (tmp_path / "damaged").write_bytes(data)
    with pytest.raises(RunError, match="damaged is damaged"):
        load_shortlist(tmp_path / "damaged", (11, 13), "one")
    for sizes in ((10, 13), (11, 11)):
        with pytest.raises(RunError, match="is not a shortlist of this model"):
            load_shortlist(path, sizes, "one")


def test_what_is_no_shortlist_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "shortlist.safetensors"
    best, always = some()
    wide = torch.zeros((11, MAX_SHORTLIST + 1), dtype=torch.int32)
    wrong = [
        {"best": best},
        {"best": best.long(), "always": always},
        {"best": best, "always": always[1:]},
        {"best": -best, "always": always},
        {"best": best[0], "always": always},
        {"best": wide, "always": always},
        {"best": best, "always": always, "more": always.clone()},
    ]
    for tensors in wrong:
        save_tensors(path, tensors, {"format": "seq2seq shortlist 1"}, "one")
        with pytest.raises(RunError, match="is not a shortlist of this model"):
            load_shortlist(path, (11, 13), "one")
    save_tensors(path, some()._asdict(), {"format": "seq2seq shortlist 2"}, "one")
    with pytest.raises(RunError, match="that this version reads"):
        load_shortlist(path, (11, 13), "one")
