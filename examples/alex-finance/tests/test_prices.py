"""Polygon over real HTTP, against a small server of our own: both plans, every way to fail, and the pace."""

import json
import threading
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from backend.data.drivers import SqliteDriver
from backend.data.seed import FIRST_USER, seed
from backend.data.store import Store
from backend.portfolio.valuation import value
from backend.prices.pace import Pace
from backend.prices.polygon import PolygonClient, PriceError
from backend.prices.refresh import client_from_environment, refresh

from agent_framework.errors import ConfigError

MONDAY = date(2025, 1, 6)
CLOSES = {"results": [{"T": "SPY", "c": 592.555}, {"T": "QQQ", "c": 0}, {"T": "BND", "c": "x"}, {"T": "GLD", "c": 240}]}


class Stub:
    """Answers in turn: a status with a body; the last answer is given again. ``asked`` holds paths and keys."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = [(200, CLOSES)]
        self.asked: list[tuple[str, str]] = []
        self.headers: dict[str, str] = {}
        self.hang = threading.Event()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                stub.asked.append((self.path, self.headers.get("Authorization", "")))
                status, body = stub.answers.pop(0) if len(stub.answers) > 1 else stub.answers[0]
                if status == 0:
                    stub.hang.wait(2)
                    return
                data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
                self.send_response(status)
                for name, text in stub.headers.items():
                    self.send_header(name, text)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def stub() -> Iterator[Stub]:
    made = Stub()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.hang.set()
    made.server.shutdown()
    made.server.server_close()
    thread.join()


class Client(PolygonClient):
    """Never sleeps really; ``slept`` tells how long it would have."""

    def __init__(self, stub: Stub, **more: Any) -> None:
        self.slept: list[float] = []
        pace = Pace(1000, 1.0, clock=lambda: 0.0, sleep=self.slept.append)
        super().__init__("key-1", address=stub.address, pace=pace, sleep=self.slept.append, timeout_s=0.3, **more)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(SqliteDriver(tmp_path / "alex.sqlite"))
    seed(made)
    return made


def test_the_free_plan_reads_all_closes_of_the_last_trading_day_in_one_call(stub: Stub):
    quotes = Client(stub).quotes(["SPY", "QQQ", "BND", "NOPE"], today=MONDAY)
    assert quotes.prices == {"SPY": Decimal("592.555")}
    assert quotes.as_of == date(2025, 1, 3)
    assert [path.partition("?")[0] for path, _ in stub.asked] == ["/v2/aggs/grouped/locale/us/market/stocks/2025-01-03"]
    assert stub.asked[0][1] == "Bearer key-1"


def test_days_without_trading_are_stepped_over(stub: Stub):
    stub.answers = [(200, {"resultsCount": 0}), (200, CLOSES)]
    assert Client(stub).quotes(["SPY"], today=MONDAY).as_of == date(2025, 1, 2)


def test_the_paid_plan_reads_the_last_trade_of_the_symbols(stub: Stub):
    rows = [{"ticker": "SPY", "lastTrade": {"p": 601.1}}, {"ticker": "QQQ", "lastTrade": {}, "prevDay": {"c": 510}}]
    stub.answers = [(200, {"tickers": rows})]
    quotes = Client(stub, plan="paid").quotes(["SPY", "QQQ"], today=MONDAY)
    assert quotes.prices == {"SPY": Decimal("601.1"), "QQQ": Decimal(510)}
    assert stub.asked[0][0].endswith("?tickers=SPY%2CQQQ")


@pytest.mark.parametrize(
    ("status", "words", "calls"),
    [
        (403, "refuses the key (403)", 1),
        (401, "POLYGON_API_KEY", 1),
        (404, "refuses the call (404)", 1),
        (429, "too many calls (429), twice", 2),
        (503, "out of order (503), twice", 2),
        (0, "cannot be reached", 2),
    ],
)
def test_a_failure_keeps_every_price_and_says_why(stub: Stub, store: Store, status: int, words: str, calls: int):
    before = value(store.portfolio(FIRST_USER)).to_dict()
    stub.answers = [(status, {})]
    found = refresh(store, ["SPY", "QQQ"], Client(stub), today=lambda: MONDAY)
    assert found["updated"] == []
    assert [entry["symbol"] for entry in found["kept"]] == ["SPY", "QQQ"]
    assert words in found["kept"][0]["reason"]
    assert len(stub.asked) == calls
    assert value(store.portfolio(FIRST_USER)).to_dict() == before


def test_too_many_calls_wait_as_long_as_they_are_told_and_go_on(stub: Stub):
    stub.answers = [(429, {}), (200, CLOSES)]
    stub.headers = {"Retry-After": "7"}
    client = Client(stub)
    assert client.quotes(["SPY"], today=MONDAY).prices
    assert client.slept == [7.0]


@pytest.mark.parametrize("body", ["<html>", [1, 2], {"results": "no"}, {"results": [1, None]}])
def test_an_answer_that_makes_no_sense_gives_no_price(stub: Stub, body: Any):
    stub.answers = [(200, body)]
    with pytest.raises(PriceError):
        Client(stub).quotes(["SPY"], today=MONDAY)


def test_what_is_known_is_stored_and_the_rest_is_kept(stub: Stub, store: Store):
    found = refresh(store, ["SPY", "VEA", "GLD"], Client(stub), today=lambda: MONDAY)
    assert found["updated"] == ["SPY", "GLD"]
    assert found["kept"] == [{"symbol": "VEA", "reason": "Polygon has no price of it"}]
    instruments = store.portfolio(FIRST_USER).instruments
    assert (instruments["SPY"].price, instruments["SPY"].price_as_of) == (Decimal("592.555"), date(2025, 1, 3))
    assert instruments["VEA"].price_source == "reference"


def test_without_a_key_nothing_is_called(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("POLYGON_API_KEY", raising=False)
    assert client_from_environment() is None
    assert refresh(store, ["SPY"], None)["kept"] == [{"symbol": "SPY", "reason": "POLYGON_API_KEY is not set"}]


def test_a_plan_that_there_is_not_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("POLYGON_API_KEY", "k")
    monkeypatch.setenv("POLYGON_PLAN", "gold")
    with pytest.raises(ConfigError, match="free or paid"):
        client_from_environment()


def test_the_pace_lets_five_calls_through_a_minute():
    now = [0.0]
    pace = Pace(5, 60.0, clock=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds))
    times = []
    for _ in range(12):
        pace.wait()
        times.append(now[0])
        now[0] += 1
    assert times[4] < 5
    assert times[5] >= 60
    assert all(later - earlier >= 60 for earlier, later in zip(times, times[5:], strict=False))
