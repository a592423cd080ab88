"""What no package may carry away: private keys, and the values of secrets that this machine knows.

A package is readable for everybody who may read the function, and stays in a bucket. Secrets are named in agents.yaml
and read where the function runs.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agent_framework.config.loader import LoadedConfig
from agent_framework.errors import ForbiddenFileError
from agent_framework.observability.redaction import looks_secret, secret_variables
from agent_framework.types import is_array, is_object

_PRIVATE_KEY = (b"-----BEGIN ", b"PRIVATE KEY-----")
_KEY_BYTES = 64
"""Within so many bytes of its beginning, the first line of a private key says what it is."""

Path_ = tuple[str | int, ...]


class PrivateParts:
    """Looks for secrets in files. ``environ`` knows some, agents.yaml may hold others in plain words."""

    def __init__(self, environ: Mapping[str, str], loaded: LoadedConfig) -> None:
        self._values = {name: value.strip().encode() for name, value in secret_variables(environ).items()}
        self._loaded = loaded
        self._seen: set[Path] = set()

    def check(self, files: Mapping[str, Path | bytes]) -> None:
        """Refuse the first file that holds a secret; each is read once for all agents.

        Raises:
            ForbiddenFileError: naming the file and what is in it, never its value.
        """
        for place in _plain_secrets(self._loaded.source.data, ()):
            line, shown = self._loaded.source.line_of(place), ".".join(map(str, place))
            raise ForbiddenFileError(
                f"{self._loaded.source.file}:{line}: {shown} holds a secret, and every package carries this file; name "
                "where it is instead, for instance by password_env"
            )
        for name, source in files.items():
            if isinstance(source, Path) and source not in self._seen:
                self._seen.add(source)
                self._check(name, source.read_bytes())

    def _check(self, name: str, content: bytes) -> None:
        start = content.find(_PRIVATE_KEY[0])
        if start >= 0 and _PRIVATE_KEY[1] in content[start : start + _KEY_BYTES]:
            raise ForbiddenFileError(
                f"{name} holds a private key, and no package carries one; store it in Secrets Manager, or keep the "
                "file out of backend/"
            )
        for variable, value in self._values.items():
            if value in content:
                raise ForbiddenFileError(
                    f"{name} holds the value of {variable}, and no package carries secrets; let the code read the "
                    f"variable, and list {variable} under runtime.environment"
                )


def _plain_secrets(value: Any, path: Path_) -> Iterator[Path_]:
    """Where agents.yaml says a password itself, in any stage."""
    if is_object(value):
        for name, inner in value.items():
            yield from _plain_secrets(inner, (*path, name))
    elif is_array(value):
        for index, inner in enumerate(value):
            yield from _plain_secrets(inner, (*path, index))
    elif isinstance(value, str) and (path[-1] == "password" or looks_secret(value) or "password=" in value):
        yield path
