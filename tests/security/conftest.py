"""What the tests of this folder share: the command in this process, and no secret in its environment."""

import pytest

from tests.cli.conftest import af

__all__ = ["af"]


@pytest.fixture(autouse=True)
def _no_secrets_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test's .env file puts there is gone after it."""
    for name in ("MODEL_ACCESS", "PAYMENTS_TOKEN", "LANGFUSE_SECRET_KEY", "LANGFUSE_PUBLIC_KEY", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
