"""Try the agent offline: ``python -m backend.agents.data_cleaner.test_simple``, or with pytest."""

import asyncio
import json

from backend.trial import try_agent


def test_data_cleaner() -> None:
    """Every line is counted once, and the amounts add up to the file's total."""
    output = asyncio.run(try_agent("data_cleaner"))
    books = output["cleaning"]["reconciliation"]
    assert sum(row["lines"] for row in books["rows"]) == books["total_lines"] == output["schema"]["lines"]
    assert books["difference"] == "0.00"
    assert output["summary"]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(try_agent("data_cleaner"))["summary"], indent=2, ensure_ascii=False))  # noqa: T201
