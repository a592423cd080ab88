"""Try the agent offline: ``python -m backend.agents.trend_analyzer.test_simple``, or with pytest."""

import asyncio
import json

from backend.trial import try_agent


def test_trend_analyzer() -> None:
    """The months and the weekdays both add up to the sales."""
    output = asyncio.run(try_agent("trend_analyzer"))
    sales = output["trends"]["totals"]["sales"]
    for part in ("months", "weekdays"):
        assert f"{sum(float(row['sales']) for row in output['trends'][part]):.2f}" == sales
    assert output["segments"]["products"]["top"]
    assert output["sentences_left_out"] == 0


if __name__ == "__main__":
    print(json.dumps(asyncio.run(try_agent("trend_analyzer"))["summary"], indent=2, ensure_ascii=False))  # noqa: T201
