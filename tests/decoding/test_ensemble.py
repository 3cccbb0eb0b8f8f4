"""Several models as one, on tables and on real models."""

from collections.abc import Callable

import pytest
import torch

from seq2seq.config.decoding import DecodingSettings
from seq2seq.decoding.beam_search import beam_search
from seq2seq.decoding.constraints import Constraints
from seq2seq.decoding.ensemble import Ensemble, EnsembleState
from seq2seq.decoding.scoring import token_log_probabilities
from seq2seq.decoding.search import score, search
from seq2seq.models.translation import TranslationModel
from tests.support.tables import Table

CPU = torch.device("cpu")


def test_probabilities_are_the_mean_and_states_follow() -> None:
    tables = [Table.random(seed, 4) for seed in (1, 2, 3)]
    ensemble = Ensemble(tables)
    state = EnsembleState(tuple(table.start() for table in tables))
    together = Table(torch.stack([table.log_probs.exp() for table in tables]).mean(0).log())
    constraints = Constraints(torch.tensor([3, 5, 0, 4]))
    found = beam_search(ensemble.step, state, constraints, beam_size=4)
    expected = beam_search(together.step, together.start(), constraints, beam_size=4)
    for mine, theirs in zip(found, expected, strict=True):
        assert [h.tokens for h in mine] == [h.tokens for h in theirs]
        for one, other in zip(mine, theirs, strict=True):
            assert one.log_probability == pytest.approx(other.log_probability, abs=1e-5)


def test_what_all_hold_impossible_is_impossible() -> None:
    tables = [Table.random(seed, 1) for seed in (1, 2)]
    for table in tables:
        table.log_probs[..., 5] = -torch.inf
    state = EnsembleState(tuple(table.start() for table in tables))
    log_probs, _ = Ensemble(tables).step(torch.tensor([2]), state)
    assert log_probs.isfinite().tolist() == [[True, True, True, True, True, False, True]]


def test_attention_is_the_mean_where_all_look_at_the_same_source() -> None:
    with_attention = [Table.random(seed, 2, source_lengths=(3, 2)) for seed in (1, 2)]
    longer, without = Table.random(3, 2, source_lengths=(4, 2)), Table.random(4, 2)
    tokens = torch.tensor([4, 5])

    def weights(*tables: Table) -> torch.Tensor | None:
        state = EnsembleState(tuple(table.start() for table in tables))
        return Ensemble(tables).step(tokens, state)[1].attention_weights

    each = [table.step(tokens, table.start())[1].attention_weights for table in with_attention]
    mean = weights(*with_attention)
    assert mean is not None
    assert torch.allclose(mean, (each[0] + each[1]) / 2)
    assert weights(with_attention[0], longer) is None
    assert weights(*with_attention, without) is None


def test_one_model_is_itself_to_the_bit() -> None:
    table = Table.random(1, 4, source_lengths=(3, 2, 1, 3))
    tokens = torch.tensor([4, 5, 6, 4])
    expected, after = table.step(tokens, table.start())
    log_probs, state = Ensemble([table]).step(tokens, EnsembleState((table.start(),)))
    assert torch.equal(log_probs, expected)
    assert torch.equal(state.attention_weights, after.attention_weights)


SOURCES = [[4, 5, 6], [10], [7, 8, 4, 9], []]
OTHER_SOURCES = [[6, 5], [10, 10, 9], [4], [5]]


@pytest.mark.parametrize("method", ["beam", "sample"])
def test_models_with_their_own_sources(
    method: str, tiny_model: Callable[..., TranslationModel]
) -> None:
    first, second = tiny_model(), tiny_model(cell="lstm", context="both")
    settings = DecodingSettings(method=method, beam_size=3)
    alone = search([first], [SOURCES], settings, CPU)
    twice = search([first, first], [SOURCES, SOURCES], settings, CPU)
    tokens = [[h.tokens for h in row] for row in alone]
    assert [[h.tokens for h in row] for row in twice] == tokens
    pair = [first, second]
    found = search(pair, [SOURCES, OTHER_SOURCES], settings, CPU)
    targets = [row[0].tokens for row in found]
    single = [
        search(pair, [[one], [other]], settings, CPU)[0][0].tokens
        for one, other in zip(SOURCES, OTHER_SOURCES, strict=True)
    ]
    assert single == targets
    together = score(pair, [SOURCES, OTHER_SOURCES], targets, CPU, batch_size=2)
    for row, values in zip(found, together, strict=True):
        assert row[0].log_probability == pytest.approx(sum(values), abs=1e-5)
    parts = [
        torch.tensor(score([model], [sources], targets, CPU)[0]).exp()
        for model, sources in ((first, SOURCES), (second, OTHER_SOURCES))
    ]
    mean = torch.stack(parts).mean(0).log()
    assert torch.allclose(mean, torch.tensor(together[0]), atol=1e-5)


def test_given_tokens_have_the_table_s_probabilities() -> None:
    table = Table.random(1, 3)
    targets = [[4, 6, 6, 5], [], [5]]
    found = token_log_probabilities(table.step, table.start(), targets, CPU)
    assert [len(values) for values in found] == [5, 1, 2]
    for row, (values, tokens) in enumerate(zip(found, targets, strict=True)):
        assert sum(values) == table.forced(row, tokens)
