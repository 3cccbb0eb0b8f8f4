"""A server as a user starts it, with clients of every kind; and how it ends."""

import http.client
import json
import random
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from libretranslatepy import LibreTranslateAPI

from seq2seq.config.experiment import Experiment
from seq2seq.data.parallel import ParallelCorpus
from seq2seq.export.write import write_export
from seq2seq.runs.run import Run
from seq2seq.translation.ensemble import load_translation_model
from seq2seq.translation.translator import Translator
from tests.support.serving import KEPT, Server

pytestmark = pytest.mark.slow
LINE = "Emma sucht das Haus."
SOURCES = ParallelCorpus.read(KEPT.parent / "text.tsv").sources


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One that gives up what is not sent within a second; whatever comes, it logs nothing of it."""
    with Server(f"de-en={KEPT}", "--read-timeout", "1", "--queue-size", "40") as server:
        yield server
        assert post(server, q="geheim " * 700)[1]["warnings"]
        said = server.said
        assert (server.end(), server.said) == (0, said)


def post(server: Server, **values: Any) -> tuple[int, Any]:
    """Asks for a translation; returns the status and what is said."""
    body = json.dumps({"source": "de", "target": "en", **values}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{server.url}/translate", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as found:
            return found.status, json.load(found)
    except urllib.error.HTTPError as error:
        with error:
            wait = int(error.headers.get("Retry-After", 1))
            return error.code if wait else 0, json.load(error)


def get(server: Server, path: str) -> str:
    """What is answered to a path."""
    with urllib.request.urlopen(server.url + path, timeout=60) as found:
        return str(found.read().decode())


def raw(server: Server, data: bytes, *, half: bool = False) -> bytes:
    """Sends bytes, and perhaps says that no more will come; returns all that is answered."""
    found = b""
    with (
        socket.create_connection(("127.0.0.1", server.port or 0), timeout=20) as connection,
        suppress(ConnectionError),  # it has hung up already
    ):
        connection.sendall(data)
        if half:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
        while more := connection.recv(65536):
            found += more
    return found


def test_a_client_of_libretranslate(server: Server, translator: Translator) -> None:
    client = LibreTranslateAPI(server.url)
    assert client.translate(LINE, "de", "en") == translator.translate(LINE)
    assert client.languages()[1] == {"code": "de", "name": "German", "targets": ["en"]}
    assert {each["language"] for each in client.detect("Guten Morgen")} == {"de", "en"}


def test_many_clients_at_once_each_get_their_own(server: Server, translator: Translator) -> None:
    """Sometimes more than there is room for: those are told to come back."""
    expected = dict(zip(SOURCES, translator.translate(SOURCES), strict=True))

    def client(seed: int) -> list[int]:
        generator, found = random.Random(seed), []
        for _ in range(6):
            texts = generator.sample(SOURCES, generator.randint(1, 4))
            status, answer = post(server, q=texts)
            found.append(status)
            if status == 200:
                assert answer == {"translatedText": [expected[text] for text in texts]}
        return found

    with ThreadPoolExecutor(32) as pool:
        statuses = [status for row in pool.map(client, range(32)) for status in row]
    assert set(statuses) <= {200, 429}
    assert statuses.count(200) > 20


@pytest.mark.parametrize(
    "data",
    [
        *(
            b"\x16\x03\x01\x02\x00\x01",
            b"GET\r\n\r\n",
            b"\x00" * 100_000,
            b"GET / HTTP/9.9\r\n\r\n",
        ),
        b"POST /translate HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * 50_000,
        b"POST /translate HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n\x00\x00garbage\r\n\r\n",
    ],
)
def test_garbage_is_refused(server: Server, data: bytes) -> None:
    for half in (False, True):
        raw(server, data, half=half)
    assert post(server, q=LINE)[0] == 200


def test_ten_megabytes_are_refused_before_they_are_read(server: Server) -> None:
    head = b"POST /translate HTTP/1.1\r\nHost: localhost\r\n"
    declared = head + b"Content-Length: 10000000\r\n\r\n"
    assert b" 413 " in raw(server, declared, half=False).partition(b"\r\n")[0]
    before = server.memory
    for _ in range(3):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        connection.request("POST", "/translate", b"a" * 10_000_000)
        assert connection.getresponse().status == 413
        connection.close()
    chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n" + 4 * chunk
    assert b" 413 " in raw(server, chunked).partition(b"\r\n")[0]
    assert server.memory < before + 8000


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"POST /translate HTT",
        b"POST /translate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nq=",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hea",
    ],
)
def test_who_sends_slowly_is_cut_off(server: Server, data: bytes) -> None:
    start = time.monotonic()
    found = raw(server, data)
    assert time.monotonic() - start < 10
    assert b" 408 " in found if b"Content-Length" in data else b" 408 " not in found


def test_what_was_begun_is_finished(translator: Translator) -> None:
    with Server(f"de-en={KEPT}", "--batch-wait", "3000") as server:
        found: list[Any] = []
        clients = [
            threading.Thread(target=lambda: found.append(post(server, q=LINE))) for _ in range(8)
        ]
        for client in clients:
            client.start()
        waiting = 'seq2seq_waiting_sentences{model="de-en"} 8.0'
        while waiting not in get(server, "/metrics"):
            time.sleep(0.05)
        assert server.end(signal.SIGTERM) == 0
        for client in clients:
            client.join()
        assert found == [(200, {"translatedText": translator.translate(LINE)})] * 8
        assert "Traceback" not in server.said


def test_what_was_on_its_way_is_answered() -> None:
    """A request that comes just after SIGTERM, over a connection that was there before."""
    asked = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with (
        Server(f"de-en={KEPT}") as server,
        socket.create_connection(("127.0.0.1", server.port or 0), timeout=20) as connection,
    ):
        get(server, "/health")  # so that the connection has been taken, too
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.15)  # by now no more are taken
        connection.sendall(asked)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert server.end() == 0


def test_an_export_is_served_without_torch(tmp_path: Path) -> None:
    run, loaded = Run(KEPT), load_translation_model(Run(KEPT))
    sides = loaded.source, loaded.target
    write_export(tmp_path / "e", loaded.model, sides, run.experiment(Experiment), int8=True)
    (tmp_path / "torch.py").write_text("raise SystemExit('torch is imported')\n")
    exported = Translator.load(tmp_path / "e")
    where = f"{tmp_path}:{Path.cwd()}"
    with Server(f"de-en={tmp_path / 'e'}", "--max-connections", "3", PYTHONPATH=where) as server:
        assert post(server, q=SOURCES)[1] == {"translatedText": exported.translate(SOURCES)}
        assert "connect-src 'self'" in get(server, "/")
        places = [socket.create_connection(("127.0.0.1", server.port or 0)) for _ in range(3)]
        asked = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        assert raw(server, asked) == b""  # there is no room for another one
        for place in places:
            place.close()
        assert server.end(signal.SIGINT) == 0
