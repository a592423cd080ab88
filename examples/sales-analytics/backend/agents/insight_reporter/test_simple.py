"""Try the agent offline: ``python -m backend.agents.insight_reporter.test_simple``, or with pytest."""

import asyncio
import json

from backend.trial import try_agent


def test_insight_reporter() -> None:
    """The report is written in both forms, by rules, and nothing was left out."""
    output = asyncio.run(try_agent("insight_reporter"))
    assert output["written_by"] == "rules"
    assert output["sentences_left_out"] == 0
    assert output["files"]["html"].endswith("report.html")
    assert len(output["findings"]) > 5


if __name__ == "__main__":
    print(json.dumps(asyncio.run(try_agent("insight_reporter"))["findings"], indent=2, ensure_ascii=False))  # noqa: T201
