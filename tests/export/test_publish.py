"""What settings are published: free text is replaced, and the rest can be loaded as it was."""

import json
from dataclasses import replace

import pytest

from seq2seq import (
    AboutSettings,
    CorpusSettings,
    DataSettings,
    Experiment,
    FilterSettings,
    ModelSettings,
    TrainingSettings,
)
from seq2seq.config.base import from_dict, to_dict
from seq2seq.export.publish import without_names

FILTERS = FilterSettings(
    held_out=("/secret/test.tsv",),
    held_out_by="pair",
    source_script=("Latin",),
    target_language="fr",
    forward_model="secret-run",
    backward_model="/secret/run",
    domain_model="secret-lm",
    general_model="/secret/lm",
    min_score=0.1,
)
MIX = (
    CorpusSettings(
        name="secret a",
        train=("secret.de",),
        train_target=("secret.en",),
        tag="<a>",
        filters=FILTERS,
    ),
    CorpusSettings(name="secret b", train=("secret.tsv",), source="secret 1", target="secret 2"),
)
EXPERIMENTS = {
    "mix": Experiment(data=DataSettings(mix=MIX, mix_temperature=5.0)),
    "files": Experiment(
        run="/secret/run",
        data=DataSettings(
            train=("secret.1.de", "secret.2.de"),
            train_target=("secret.1.en", "secret.2.en"),
            validation=("secret.val.tsv",),
            vocabulary="/secret/other",
            special_symbols=("<2fr>",),
            filters=FILTERS,
        ),
        about=AboutSettings("de", "en", "Our school"),
    ),
    "initialize": Experiment(
        data=DataSettings(train=("secret.tsv",), source="secret", target="more secret"),
        model=ModelSettings(initialize="/secret/parent"),
        training=TrainingSettings(l2_to_initial=0.001, freeze=("encoder",)),
    ),
    "vectors": Experiment(
        model=ModelSettings(source_vectors="secret.vec", target_vectors="s.secret")
    ),
}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_names_are_replaced_and_the_rest_stays(name: str) -> None:
    experiment = EXPERIMENTS[name]
    found = without_names(experiment, {})
    assert "secret" not in json.dumps(to_dict(found))
    again = from_dict(Experiment, json.loads(json.dumps(to_dict(found))), stored=True)
    assert again == found
    assert found.about == experiment.about
    assert found.data.symbols == experiment.data.symbols
    assert found.data.filters.source_script == experiment.data.filters.source_script
    kept = {"run": "", "data": experiment.data, "model": experiment.model}
    assert replace(found, **kept) == replace(experiment, run="")
    assert without_names(found, {}).model.attention == experiment.model.attention
    assert len({*found.data.train}) == len({*experiment.data.train})
