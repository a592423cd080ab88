"""Variables of an agents.yaml in a folder of the test's own."""

from pathlib import Path

import pytest

from tests.support.stage_variables import Make, made_in


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return made_in(tmp_path)
