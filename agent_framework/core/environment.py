"""The one place that reads the process's environment, with a project's ``.env`` under it."""

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values


def environment(project_dir: Path) -> Mapping[str, str]:
    """The environment, in which the variables of ``.env`` are put where they are not set, for the agents too."""
    for name, value in dotenv_values(project_dir / ".env").items():
        if value is not None:
            os.environ.setdefault(name, value)
    return os.environ
