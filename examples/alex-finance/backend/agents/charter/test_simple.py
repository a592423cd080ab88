"""Try the charter offline: ``python -m backend.agents.charter.test_simple``, or with pytest."""

from backend.trial import try_agent


def test_charter() -> None:
    """It makes five charts."""
    output = try_agent("charter")
    print(f"Success: True\nMessage: Generated {len(output)} charts")
    for key, chart in output.items():
        print(f"{key}: {chart['title']} ({chart['type']}, {len(chart['data'])} parts)")
    assert len(output) == 5


if __name__ == "__main__":
    test_charter()
