"""Try the retirement agent offline: ``python -m backend.agents.retirement.test_simple``, or with pytest."""

from backend.outcomes import lines_of
from backend.trial import try_agent


def test_retirement() -> None:
    """It simulates the portfolio that is in the database."""
    output = try_agent("retirement")
    print("\n".join(lines_of("retirement", output)))
    assert output["portfolio_value"] == "99437.50"


if __name__ == "__main__":
    test_retirement()
