"""What the tests of this folder share: the command in this process, and secrets that are forgotten afterwards."""

from collections.abc import Iterator

import pytest

from agent_framework.observability.redaction import forgetting
from tests.cli.conftest import af

__all__ = ["af"]


@pytest.fixture(autouse=True)
def _forgetful(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test leaves a secret behind, be it in the environment or in what is hidden."""
    for name in ("MODEL_ACCESS", "PAYMENTS_TOKEN", "LANGFUSE_SECRET_KEY", "LANGFUSE_PUBLIC_KEY", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with forgetting():
        yield
