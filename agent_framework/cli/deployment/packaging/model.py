"""The values of packaging: a built package, and what is told while it is built."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LAMBDA_LIMIT_BYTES = 262_144_000
"""250 MB: what a function and its layers may have unzipped. (Zips of 50 MB and more go through S3, as ours all do.)"""

TASK_ROOT = "/var/task"
"""Where Lambda unpacks a function, and so the place that bytecode names."""

LAYER_ROOT = "/opt/python"
"""Where Lambda unpacks the ``python`` folder of a layer."""


@dataclass(frozen=True, slots=True)
class Package:
    """One agent's package.

    Attributes:
        agent: the agent's name.
        role: ``worker`` or ``orchestrator``.
        architecture: ``x86_64`` or ``arm64``.
        path: the zip, or the folder that an image is built from.
        sha256: of the zip, or of the folder's content; hexadecimal.
        zipped_bytes: size of the zip; 0 for an image.
        unzipped_bytes: what counts against `LAMBDA_LIMIT_BYTES`, a layer included.
        import_ms: time until the agent's code is imported, on this machine; None where that cannot be measured.
        heaviest: the heaviest distributions with their bytes, heaviest first.
        layer: the layer's zip, for the strategy ``layer``.
        unchanged: it was there already, made of the same.
    """

    agent: str
    role: str
    architecture: str
    path: Path
    sha256: str
    zipped_bytes: int
    unzipped_bytes: int
    import_ms: float | None
    heaviest: tuple[tuple[str, int], ...]
    layer: Path | None = None
    unchanged: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """What is being done now, as step ``done`` of ``total``; a ``note`` is worth reading afterwards too."""

    text: str
    done: int = 0
    total: int = 0
    note: bool = False


Listener = Callable[[Progress], None]


def ignore(_progress: Progress) -> None:
    """Nobody listens."""
