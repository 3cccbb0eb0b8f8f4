"""An application in this process, with the model that an earlier version made."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from starlette.testclient import TestClient

from seq2seq.config.serving import ServingSettings
from seq2seq.serving.app import make_app
from seq2seq.serving.models import ServedModels
from seq2seq.translation.translator import Translator
from tests.support.serving import KEPT


@pytest.fixture(scope="session")
def models() -> ServedModels:
    """The same model for two pairs of languages."""
    return ServedModels([f"de-en={KEPT}", f"pt-BR:en={KEPT}"], "cpu")


@pytest.fixture(scope="session")
def translator() -> Translator:
    """Another one of the same run."""
    return Translator.load(KEPT, "cpu")


@pytest.fixture(scope="session")
def make_client(models: ServedModels) -> Iterator[Callable[..., TestClient]]:
    """Makes clients of applications; arguments are settings, and the key."""
    with ExitStack() as stack:

        def make(api_key: str = "", **settings: object) -> TestClient:
            app = make_app(models, ServingSettings(**settings), api_key)
            client = TestClient(app, "http://localhost", raise_server_exceptions=False)
            return stack.enter_context(client)

        yield make


@pytest.fixture(scope="session")
def client(make_client: Callable[..., TestClient]) -> TestClient:
    """A client of a server with the default settings."""
    return make_client()
