"""One wording for every missing optional dependency."""

from importlib import import_module
from types import ModuleType

from agent_framework.errors import MissingExtraError

DISTRIBUTION = "serverless-agent-framework"


def require(module: str, *, extra: str, needed_for: str) -> ModuleType:
    """Import an optional module, or say which extra brings it.

    Raises:
        MissingExtraError: the module is not installed; the message holds the command that installs it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as exc:
        if exc.name is None or not module.startswith(exc.name):
            raise
        raise MissingExtraError(
            f"{needed_for} needs the package {exc.name!r}, which is not installed. "
            f"Install it with: pip install '{DISTRIBUTION}[{extra}]'"
        ) from exc
