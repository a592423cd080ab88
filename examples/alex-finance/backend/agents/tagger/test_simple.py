"""Try the tagger offline: ``python -m backend.agents.tagger.test_simple``, or with pytest."""

from backend.data.seed import SECOND_USER
from backend.outcomes import lines_of
from backend.trial import try_agent


def test_tagger() -> None:
    """It classifies VTI, which arrived unclassified."""
    output = try_agent("tagger", SECOND_USER)
    print("\n".join(lines_of("tagger", output)))
    assert output["updated"] == ["VTI"]


if __name__ == "__main__":
    test_tagger()
