"""Try the reporter offline: ``python -m backend.agents.reporter.test_simple``, or with pytest."""

from backend.outcomes import lines_of
from backend.trial import try_agent


def test_reporter() -> None:
    """It writes a report of some length."""
    output = try_agent("reporter")
    print("\n".join(lines_of("reporter", output)))
    assert len(output["content"]) >= 2_800


if __name__ == "__main__":
    test_reporter()
