"""What all tests share: fixed random numbers, and small models whose every weight matters."""

from collections.abc import Callable, Iterator

import hypothesis
import pytest
import torch

from seq2seq.models.translation import TranslationModel, build_translation_model

# The same examples every time, and no time limit: noise on the machine decides no test.
hypothesis.settings.register_profile("seq2seq", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("seq2seq")


@pytest.fixture(autouse=True)
def fixed_start() -> Iterator[None]:
    """The same random numbers whichever test ran before, and one thread.

    Tiny models need no more, and threads that wait for each other would take most of the time.
    """
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        yield


@pytest.fixture
def tiny_model() -> Callable[..., TranslationModel]:
    """Builds a small model in evaluation mode; arguments as for `build_translation_model`."""

    def build(**settings: object) -> TranslationModel:
        sizes = {"embedding_size": 5, "encoder_sizes": (4,), "decoder_sizes": (6,)}
        model = build_translation_model(11, 13, **{**sizes, **settings})
        with torch.no_grad():
            for weight in model.parameters():  # no zeros: biases and the pad's vector count, too
                noise = 0.1 * torch.randn(weight.shape)
                weight += noise if weight.dim() > 1 else 0.2 + noise  # rectified units stay alive
        return model.eval()

    return build
