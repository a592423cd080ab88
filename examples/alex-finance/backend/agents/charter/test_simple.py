"""Try the charter offline: ``python -m backend.agents.charter.test_simple``, or with pytest."""

from backend.outcomes import lines_of
from backend.trial import try_agent


def test_charter() -> None:
    """It makes five charts."""
    output = try_agent("charter")
    print("\n".join(lines_of("charter", output)))
    assert len(output) == 5


if __name__ == "__main__":
    test_charter()
