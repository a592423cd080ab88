"""``terraform/packages.auto.tfvars.json``: what Terraform has to know of the packages."""

import base64
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from agent_framework.cli.deployment.packaging.model import Package
from agent_framework.cli.scaffolding.files import write_into
from agent_framework.errors import PackagingError

PACKAGES_TFVARS = "terraform/packages.auto.tfvars.json"
"""Path of the file, relative to the project."""


def write_packages_tfvars(project_dir: Path, packages: Iterable[Package], *, merge: bool = False) -> Path:
    """Write the file for these packages (zips) and return its path; with ``merge``, other agents' entries stay.

    Keys hold the hash of the content, so a package that did not change is neither uploaded nor deployed again.

    Raises:
        ProjectError: it could not be written.
    """
    entries: dict[str, Any] = _present(project_dir / PACKAGES_TFVARS) if merge else {}
    terraform = project_dir / Path(PACKAGES_TFVARS).parent
    for package in packages:
        entries[package.agent] = {
            "path": Path(os.path.relpath(package.path, terraform)).as_posix(),
            "s3_key": f"packages/{package.agent}/{package.sha256}.zip",
            "source_code_hash": base64.b64encode(bytes.fromhex(package.sha256)).decode("ascii"),
        }
    text = json.dumps({"packages": entries}, indent=2, sort_keys=True) + "\n"
    write_into(project_dir, {PACKAGES_TFVARS: text})
    return project_dir / PACKAGES_TFVARS


def _present(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text("utf-8"))["packages"])
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise PackagingError(f"{path} cannot be read: {exc}; delete it, then package all agents") from exc
