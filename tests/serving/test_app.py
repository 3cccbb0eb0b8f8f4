"""LibreTranslate's API: what is asked for in its words is answered in its words."""

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from seq2seq.translation.translator import Translator

MakeClient = Callable[..., TestClient]
LINE, OTHER = "Emma sucht das Haus.", "Anna sieht den Hund."
ASKED = {"q": LINE, "source": "de", "target": "en"}


def ask(client: TestClient, **values: Any) -> Any:
    """What /translate answers to JSON."""
    found = client.post("/translate", json={**ASKED, **values})
    assert found.status_code == 200, found.text
    return found.json()


def refused(client: TestClient, status: int, path: str = "/translate", **values: Any) -> str:
    """What is said of a request that is refused."""
    found = client.post(path, content=json.dumps({**ASKED, **values}))
    assert found.status_code == status
    assert list(found.json()) == ["error"]
    return str(found.json()["error"])


def test_a_text_for_a_text_and_a_list_for_a_list(
    client: TestClient, translator: Translator
) -> None:
    said = translator.translate([LINE, OTHER])
    assert ask(client) == {"translatedText": said[0]}
    assert ask(client, q=[LINE, OTHER, ""]) == {"translatedText": [*said, ""]}
    assert ask(client, q=[]) == {"translatedText": []}
    text = f"{LINE}  {OTHER}\r\n\n {LINE}"
    assert ask(client, q=text)["translatedText"] == f"{said[0]}  {said[1]}\r\n\n {said[0]}"


def test_html(client: TestClient, translator: Translator) -> None:
    text = f"<p title='{LINE}'>{LINE}<!-- {LINE} --></p>"
    found = ask(client, q=text, format="html")["translatedText"]
    assert found == f"<p title='{LINE}'>{translator.translate(LINE)}<!-- {LINE} --></p>"


def test_alternatives_are_the_next_best_and_never_change_the_best(
    client: TestClient, translator: Translator
) -> None:
    best, *others = (each.text for each in translator.candidates(LINE, n=5))
    assert ask(client, alternatives=2) == {"translatedText": best, "alternatives": others[:2]}
    assert ask(client, alternatives=90) == {"translatedText": best, "alternatives": others}
    (found, none) = ask(client, q=[LINE, ""], alternatives=1)["alternatives"]
    assert (found, none) == (others[:1], [])


def test_the_language_is_found(client: TestClient) -> None:
    text = "Guten Morgen, wie geht es Ihnen heute? Ich hätte gern ein Stück Kuchen."
    for source in ("auto", None):
        found = ask(client, q=[text, "Bom dia, como vai você?"], source=source)
        assert [each["language"] for each in found["detectedLanguage"]] == ["de", "pt-BR"]
    (first, *_) = client.post("/detect", data={"q": text}).json()
    assert first["language"] == "de"
    assert first["confidence"] > 90
    # Nothing tells in which language it is.
    assert {each["confidence"] for each in client.post("/detect", data={"q": "12"}).json()} == {0}


@pytest.mark.parametrize("kind", ["form", "parts", "raw", "json", "query"])
def test_every_kind_of_request(client: TestClient, translator: Translator, kind: str) -> None:
    text = "Anna hört die Brücke."
    values = {**ASKED, "q": text, "alternatives": "1"}
    if kind == "form":
        found = client.post("/translate", data=values)
    elif kind == "parts":
        found = client.post("/translate", files={name: (None, v) for name, v in values.items()})
    elif kind == "query":  # as deep-translator asks
        found = client.post("/translate", params=values)
    elif kind == "raw":  # as curl sends what is not encoded
        body = "&".join(f"{name}={value}" for name, value in values.items()).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        found = client.post("/translate", content=body, headers=headers)
    else:
        found = client.post("/translate", content=json.dumps({**values, "alternatives": 1}))
    assert found.json()["translatedText"] == translator.translate(text)
    assert len(found.json()["alternatives"]) == 1


def test_what_there_is(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/languages").json() == [
        {"code": "en", "name": "English", "targets": []},
        {"code": "de", "name": "German", "targets": ["en"]},
        {"code": "pt-BR", "name": "Portuguese (pt-BR)", "targets": ["en"]},
    ]
    found = client.get("/frontend/settings").json()
    assert (found["charLimit"], found["keyRequired"]) == (5000, False)
    assert found["language"]["source"] == {"code": "de", "name": "German"}


@pytest.mark.parametrize(
    ("values", "status", "message"),
    [
        ({"q": None}, 400, "q is missing"),
        ({"q": 1}, 400, "q must be a text"),
        ({"q": [1]}, 400, "q must be a text"),
        ({"target": None}, 400, "target is missing"),
        ({"target": "fr"}, 400, "'fr' is no language of this server: it has en, de, pt-BR"),
        ({"target": "de"}, 400, "de is not translated into de here, only de-en, pt-BR-en"),
        ({"source": 1}, 400, "source must be a text"),
        ({"format": "pdf"}, 400, "format must be text or html"),
        ({"alternatives": -1}, 400, "alternatives must be a number from 0"),
        ({"alternatives": True}, 400, "alternatives must be"),
        ({"q": "\ud800"}, 400, "half of a surrogate pair"),
        ({"q": "a" * 5001}, 400, "5,001 characters: at most 5,000"),
        ({"q": ["a"] * 101}, 400, "101 texts: at most 100"),
        ({"q": "a" * 200_000}, 413, "more than 125,536 bytes"),
        ({"q": "Ah! " * 1250}, 413, "1,250 sentences: at most 1,000"),
    ],
)
def test_what_is_refused(
    client: TestClient, values: dict[str, Any], status: int, message: str
) -> None:
    assert message in refused(client, status, **values)
    described = client.get("/openapi.json").json()["paths"]["/translate"]["post"]["requestBody"]
    asked = {**ASKED, **values}
    validator = jsonschema.Draft4Validator(described["content"]["application/json"]["schema"])
    assert validator.is_valid(asked) == (asked["q"] in ("\ud800", "Ah! " * 1250))


def test_a_language_may_be_named_without_its_region(client: TestClient) -> None:
    assert ask(client, source="PT", target="EN-gb") == ask(client)


def test_routes_that_are_not_there(client: TestClient) -> None:
    for found, status in ((client.get("/suggest"), 404), (client.get("/translate"), 405)):
        assert found.status_code == status
        assert list(found.json()) == ["error"]


@pytest.mark.filterwarnings("ignore::seq2seq.translation.engine.LongSentenceWarning")
def test_a_long_sentence_is_cut_and_that_is_said(client: TestClient) -> None:
    found = ask(client, q="Emma " * 700)
    assert found["warnings"] == [f"cut, since the model reads no more: {'Emma ' * 8} …"]


def test_a_key_is_asked_for(make_client: MakeClient) -> None:
    client = make_client(api_key="schlüssel")
    assert "api_key is missing: this server asks for it" in refused(client, 403)
    assert "api_key is not the key" in refused(client, 403, api_key="schlussel")
    assert "api_key" in refused(client, 403, path="/detect")
    assert "api_key" in refused(client, 403, path="/candidates")
    assert ask(client, api_key="schlüssel")["translatedText"]
    assert client.get("/frontend/settings").json()["keyRequired"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *(("localhost:5000", 200), ("127.0.0.1", 200), ("[::1]:80", 200), ("LOCALHOST", 200)),
        *(("evil.example", 400), ("localhost.evil.example", 400), ("[", 400), ("", 400)),
    ],
)
def test_a_page_elsewhere_cannot_choose_the_host(
    client: TestClient, host: str, status: int
) -> None:
    found = client.get("/health", headers={"Host": host})
    assert found.status_code == status
    assert found.headers["content-type"] == "application/json"


def test_other_names_and_other_sites_are_let_in_by_name(make_client: MakeClient) -> None:
    site = {"Origin": "https://a.example"}
    client = make_client(allowed_hosts=("t.example",), cors_origins=("https://a.example",))
    assert client.get("/health", headers={"Host": "T.example:80"}).status_code == 200
    allowed = client.get("/health", headers=site).headers["access-control-allow-origin"]
    assert allowed == "https://a.example"
    other = client.get("/health", headers={"Origin": "https://b.example"})
    assert "access-control-allow-origin" not in other.headers
    everywhere = make_client(host="0.0.0.0")
    found = everywhere.get("/health", headers={"Host": "any.example", **site})
    assert found.status_code == 200
    assert "access-control-allow-origin" not in found.headers


def test_counts(make_client: MakeClient) -> None:
    client = make_client()
    ask(client, q=[LINE, OTHER])
    client.get("/nothing")
    text = client.get("/metrics").text
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["seq2seq_requests_total", "/translate", "200"] == 1
    assert found["seq2seq_requests_total", "other", "404"] == 1
    assert found["seq2seq_sentences_total", "de-en"] == 2
    assert found["seq2seq_batches_total", "de-en"] == 1
    assert found["seq2seq_waiting_sentences", "de-en"] == 0


# ---------------------------------------------------------------------------------------------
# whatever comes in

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "q": st.just(LINE) | st.lists(st.text(max_size=20), max_size=3) | JSON,
        "source": st.sampled_from(["de", "auto", "pt", "x"]) | JSON,
        "target": st.sampled_from(["en", "EN"]) | JSON,
        "format": st.sampled_from(["text", "html"]) | JSON,
        "alternatives": st.integers(0, 9) | JSON,
        "api_key": JSON,
    },
)
KINDS = st.sampled_from(
    [
        *("application/json", "application/x-www-form-urlencoded", "multipart/form-data"),
        *("multipart/form-data; boundary=a", "text/plain; charset=utf-16", "", "a/b; c"),
    ]
)
BODIES = (
    VALUES.map(lambda values: json.dumps(values).encode())
    | st.binary(max_size=100)
    | st.sampled_from(
        [b"[" * 100_000, b'{"q": ' + b"9" * 9000 + b"}", b"q=%ff", b"q=\xff", b"&=&" * 9000]
    )
)


def is_described(client: TestClient, path: str, found: Any) -> None:
    """Whether an answer is as the OpenAPI document says."""
    responses = client.get("/openapi.json").json()["paths"][path]["post"]["responses"]
    schema = responses[str(found.status_code)]["content"]["application/json"]["schema"]
    jsonschema.validate(found.json(), schema)


@settings(max_examples=150)
@given(BODIES, KINDS, st.sampled_from(["/translate", "/detect", "/candidates"]))
def test_every_request_is_answered_as_described(
    client: TestClient, body: bytes, kind: str, path: str
) -> None:
    found = client.post(path, content=body, headers={"Content-Type": kind})
    assert found.status_code in (200, 400)
    is_described(client, path, found)
