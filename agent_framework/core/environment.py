"""The one place that reads the process's environment, with a project's ``.env`` under it.

What holds a secret there is hidden from then on wherever this process writes; see `observability.redaction`.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from agent_framework.observability.redaction import remember_environment


def environment(project_dir: Path) -> Mapping[str, str]:
    """The environment, in which the variables of ``.env`` are put where they are not set, for the agents too."""
    for name, value in _dotenv(project_dir / ".env").items():
        if value is not None:
            os.environ.setdefault(name, value)
    hide_secrets()
    return os.environ


def _dotenv(path: Path) -> Mapping[str, str | None]:
    if not path.exists():  # as in every function
        return {}
    from dotenv import dotenv_values

    return dotenv_values(path)


def hide_secrets() -> None:
    """Hide the secrets of the process's environment from now on."""
    remember_environment(os.environ)
