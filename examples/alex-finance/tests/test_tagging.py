"""What of a model's classification is stored, repaired or refused."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from backend.data.drivers import SqliteDriver
from backend.data.seed import SECOND_USER, seed
from backend.data.store import Store
from backend.portfolio.allocation import PortfolioError
from backend.portfolio.vocabulary import Dimension
from backend.tagging.acceptance import accept, store_classifications
from backend.tagging.classification import InstrumentClassification
from backend.tagging.scripted import SCRIPTED, scripted


def said(**changes: Any) -> InstrumentClassification:
    """VTI as scripted, with changes; allocations as dictionaries."""
    lists = {
        field: [{"category": name, "percent": percent} for name, percent in shares.items()]
        if isinstance(shares, dict)
        else shares
        for field, shares in changes.items()
    }
    return InstrumentClassification.model_validate({**SCRIPTED["VTI"], **lists})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(SqliteDriver(tmp_path / "alex.sqlite"))
    seed(made)
    return made


@pytest.mark.parametrize("word", ["ETF", "etf", "Exchange-Traded Fund", " exchange traded  fund", "ETFs"])
def test_the_kind_is_normalised(word: str):
    assert accept(said(instrument_type=word)).kind == "etf"


def test_a_sum_within_the_tolerance_is_taken_as_it_is():
    accepted = accept(said(regions={"North America": 99.96}))
    assert accepted.allocations[Dimension.REGION] == {"north_america": Decimal("99.96")}
    assert accepted.repaired == ()


def test_a_sum_near_100_is_scaled_and_the_result_says_so():
    accepted = accept(said(asset_classes={"equity": 61, "fixed_income": 41}))
    assert accepted.allocations[Dimension.ASSET_CLASS] == {
        "equity": Decimal("59.80"),
        "fixed_income": Decimal("40.20"),
    }
    assert accepted.repaired == ("asset_class",)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"asset_classes": {"equity": 60}}, "adds up to 60.0 %"),
        ({"asset_classes": {}}, "adds up to 0 %"),
        ({"asset_classes": {"equity": 102, "cash": -2}}, "cash cannot be -2"),
        ({"regions": {"mars": 100}}, "'mars' is no region"),
        ({"regions": {"asia": float("nan")}}, "cannot be nan"),
        ({"regions": [{"category": "asia", "percent": 50}, {"category": "Asia", "percent": 50}]}, "named twice"),
        ({"instrument_type": "lottery ticket"}, "no kind of instrument"),
        ({"rationale": "  "}, "no reason"),
    ],
)
def test_what_cannot_be_meant_is_refused(changes: dict[str, Any], words: str):
    with pytest.raises(PortfolioError) as caught:
        accept(said(**changes))
    assert words in str(caught.value)


def test_the_offline_classification_is_stored_with_its_source_and_reason(store: Store):
    answers = [InstrumentClassification.model_validate(one) for one in scripted(["VTI", "ZZZ"])["classifications"]]
    found = store_classifications(store, ["VTI"], answers, source="offline")
    assert (found["tagged"], found["updated"], found["errors"]) == (1, ["VTI"], [])
    assert found["classifications"][0]["source"] == "offline"
    stored = store.instrument("VTI")
    assert stored is not None
    assert stored.is_classified
    assert stored.classified_by == "offline"
    assert "whole stock market" in stored.rationale
    assert store.portfolio(SECOND_USER).unclassified == ()


def test_refused_and_forgotten_instruments_are_errors_and_stay_unclassified(store: Store):
    answers = [said(rationale=""), said(symbol="SPY"), said()]
    found = store_classifications(store, ["VTI", "ABC"], answers[:2], source="model")
    assert found["tagged"] == 0
    assert [error["symbol"] for error in found["errors"]] == ["VTI", "SPY", "ABC"]
    assert store.portfolio(SECOND_USER).unclassified == ("VTI",)
    again = store_classifications(store, ["VTI"], [answers[2], answers[2]], source="model")
    assert again["updated"] == ["VTI"]
    assert len(again["errors"]) == 1
