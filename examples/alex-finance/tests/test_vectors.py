"""Research in S3 Vectors: boto3's own clients against a local server, and reports that go on without it."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from backend.portfolio.valuation import value
from backend.reporting import vectors
from backend.reporting.compose import compose
from backend.reporting.facts import amounts, facts_of
from backend.reporting.judge import review
from backend.reporting.knowledge import find
from support import account, portfolio

FOUND = [
    {"key": "1", "distance": 0.1, "metadata": {"title": "Gold", "text": "Gold moves apart\nfrom shares."}},
    {"key": "2", "distance": 0.2, "metadata": {"text": "It will be worth $5,000 an ounce."}},
    {"key": "3", "distance": 0.2, "metadata": {"text": "See https://example.com for more."}},
    {"key": "4", "distance": 0.3},
    {"key": "5", "distance": 0.4, "metadata": {"text": "<b>Bonds</b> steady it. " * 200}},
]


class Stub:
    """SageMaker and S3 Vectors in one place; ``asked`` holds paths and bodies."""

    def __init__(self) -> None:
        self.embedding: Any = [[[0.5, -0.25], [9.0, 9.0]]]
        self.status, self.answer = 200, {"vectors": FOUND, "distanceMetric": "cosine"}
        self.asked: list[tuple[str, Any]] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                stub.asked.append((self.path, body))
                embeds = self.path.endswith("/invocations")
                data = json.dumps(stub.embedding if embeds else stub.answer).encode()
                self.send_response(200 if embeds else stub.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                if not embeds and stub.status != 200:
                    self.send_header("x-amzn-ErrorType", "AccessDeniedException")
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    made = Stub()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    for name, text in {
        "AWS_ENDPOINT_URL_S3VECTORS": made.url,
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": made.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "ALEX_VECTOR_BUCKET": "alex-vectors-123456789012",
    }.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setattr(vectors, "TRIES", 1)
    monkeypatch.setattr(vectors, "READ_S", 0.5)
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def test_a_question_is_embedded_and_the_nearest_texts_are_found(stub: Stub):
    found = find("gold and bonds", offline=False)
    assert (found["status"], found["source"], found["reason"]) == ("ok", "s3vectors", None)
    assert [note["title"] for note in found["notes"]] == ["Gold", "Research"]
    assert found["notes"][0]["text"] == "Gold moves apart from shares."
    embed, query = stub.asked
    assert embed == ("/endpoints/alex-embedding-endpoint/invocations", {"inputs": "gold and bonds"})
    assert query[0] == "/QueryVectors"
    assert query[1] == {
        "vectorBucketName": "alex-vectors-123456789012",
        "indexName": "financial-research",
        "queryVector": {"float32": [0.5, -0.25]},
        "topK": 6,
        "returnMetadata": True,
    }


def test_a_report_with_found_texts_passes_the_judge(stub: Stub):
    facts = facts_of(value(portfolio(account(1, "A", "100", SPY="10", BND="5"))))
    text = compose(facts, find("anything", offline=False))
    assert "Gold moves apart from shares." in text
    assert "5,000 an ounce" not in text
    assert review(text, amounts(facts)).passed


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda stub: setattr(stub, "status", 403), "AccessDeniedException"),
        (lambda stub: setattr(stub, "status", 500), "S3 Vectors cannot be searched"),
        (lambda stub: setattr(stub, "embedding", {"error": "loading"}), "answers no embedding"),
        (lambda stub: setattr(stub, "embedding", []), "answers no embedding"),
    ],
)
def test_where_it_is_not_there_the_local_notes_are_searched_and_the_reason_kept(stub: Stub, break_it, words: str):
    break_it(stub)
    found = find("gold", offline=False)
    assert (found["status"], found["source"]) == ("ok", "local")
    assert words in found["reason"]
    assert found["notes"]


def test_a_server_that_is_gone_is_no_end_of_a_report(stub: Stub, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "http://127.0.0.1:1")
    found = find("gold", offline=False)
    assert found["source"] == "local"
    assert "127.0.0.1:1" in found["reason"]


def test_offline_nothing_is_sent(stub: Stub):
    assert find("gold", offline=True)["source"] == "local"
    assert stub.asked == []
