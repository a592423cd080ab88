"""Try the agent offline: ``python -m backend.agents.forecast_agent.test_simple``, or with pytest."""

import asyncio
import json

from backend.trial import try_agent


def test_forecast_agent() -> None:
    """There is a forecast for each week asked for, and a back-test beside it."""
    output = asyncio.run(try_agent("forecast_agent"))
    forecast = output["forecast"]
    assert forecast["status"] == "ok"
    assert len(forecast["points"]) == forecast["horizon"] == 8
    assert forecast["backtest"]["methods"][0]["name"] == forecast["baseline"]
    assert output["sentences_left_out"] == 0


if __name__ == "__main__":
    print(json.dumps(asyncio.run(try_agent("forecast_agent"))["summary"], indent=2, ensure_ascii=False))  # noqa: T201
