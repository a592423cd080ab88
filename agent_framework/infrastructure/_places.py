"""Looking at where files will lie, without making anything."""

import os
from pathlib import Path

from agent_framework.errors import ProviderError


def is_there(path: Path, *, what: str) -> bool:
    """Whether there is such a file; makes nothing.

    Raises:
        ProviderError: there is none, and none can be made.
    """
    if path.exists():
        return True
    check_folder(path.parent, f"{what} {path}")
    return False


def check_folder(folder: Path, what: str) -> None:
    """Raise `ProviderError` if ``folder`` is not there and writable, and cannot be made either."""
    nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not nearest.is_dir():
        raise ProviderError(f"{what} cannot be made: {nearest} is not a folder; name another path")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise ProviderError(f"{what} cannot be made: {nearest} may not be written to; change its rights, or the path")
