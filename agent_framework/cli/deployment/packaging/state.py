"""What was built before, beside each package: if it would be made of the same again, it is not made again."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent_framework.cli.deployment.packaging.files import digest_of, sha256_of, tree_files
from agent_framework.cli.deployment.packaging.model import Package


def digest(*parts: str) -> str:
    """One digest of several."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def record(package: Package, *, output: Path, inputs: str, base: str) -> str:
    """The text of the record: what the package was made of, and what it is; paths are relative to ``output``."""
    values = {
        "architecture": package.architecture,
        "heaviest": package.heaviest,
        "import_ms": package.import_ms,
        "layer": package.layer.relative_to(output).as_posix() if package.layer else None,
        "path": package.path.relative_to(output).as_posix(),
        "role": package.role,
        "sha256": package.sha256,
        "unzipped_bytes": package.unzipped_bytes,
        "zipped_bytes": package.zipped_bytes,
    }
    return json.dumps({"inputs": inputs, "base": base, "package": values}, indent=2, sort_keys=True) + "\n"


def recorded(output: Path, agent: str, *, inputs: str) -> Package | None:
    """The package that was made of the same inputs, if it is there and what it was."""
    try:
        known: dict[str, Any] = json.loads((output / f"{agent}.json").read_text("utf-8"))
        if known["inputs"] != inputs:
            return None
        values = known["package"]
        read: dict[str, Any] = {
            "path": output / values["path"],
            "layer": output / values["layer"] if values["layer"] else None,
            "heaviest": tuple((name, size) for name, size in values["heaviest"]),
        }
        found = Package(agent=agent, **{**values, **read})
        layer_there = found.layer is None or found.layer.is_file()
        same = layer_there and content_hash(found.path) == found.sha256
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return replace(found, unchanged=True) if same else None


def bases_in_use(output: Path) -> Iterator[str]:
    """Keys of the bases that the packages in ``output`` are made of."""
    for file in output.glob("*.json"):
        try:
            yield json.loads(file.read_text("utf-8"))["base"]
        except (OSError, ValueError, KeyError, TypeError):
            continue


def content_hash(path: Path) -> str:
    """SHA-256 of a zip, or of all files of an image's folder."""
    return digest_of(dict(tree_files(path).items())) if path.is_dir() else sha256_of(path)
