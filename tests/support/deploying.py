"""The command with packages that cost nothing: tiny zips of each agent's code instead of its whole closure.

``python -m tests.support.deploying deploy --stage dev`` is ``agent-framework deploy --stage dev`` with them.
"""

import base64
import hashlib
import json
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from agent_framework.cli.deployment.tfvars import terraform_config
from agent_framework.cli.main import main
from agent_framework.config.loader import ConfigLoader

PACKAGING = "agent_framework.cli.deployment.packaging"


@dataclass(frozen=True)
class TinyPackage:
    """What deploying reads of a package."""

    agent: str
    path: Path
    sha256: str
    zipped_bytes: int
    unchanged: bool = False


def build_packages(loader: ConfigLoader, **options: Any) -> tuple[TinyPackage, ...]:
    """A zip for each function, with the agent's files; the same files make the same bytes."""
    folder = loader.project_dir / ".agent-framework" / "packages"
    folder.mkdir(parents=True, exist_ok=True)
    return tuple(_build(loader.project_dir, folder, agent) for agent in terraform_config(loader).variables["agents"])


def _build(project: Path, folder: Path, agent: str) -> TinyPackage:
    path = folder / f"{agent}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo("agent.txt"), agent)
        for file in sorted((project / "backend" / "agents" / agent).glob("*.py")):
            archive.writestr(zipfile.ZipInfo(file.name), file.read_bytes())
    data = path.read_bytes()
    return TinyPackage(agent, path, hashlib.sha256(data).hexdigest(), len(data))


def write_packages_tfvars(project_dir: Path, packages: tuple[TinyPackage, ...]) -> Path:
    """``terraform/packages.auto.tfvars.json``, as the real packaging writes it, but with paths for any folder."""
    file = project_dir / "terraform" / "packages.auto.tfvars.json"
    entries = {
        item.agent: {
            "s3_key": f"packages/{item.agent}/{item.sha256}.zip",
            "source_code_hash": base64.b64encode(bytes.fromhex(item.sha256)).decode(),
            "path": str(item.path),
        }
        for item in packages
    }
    file.write_text(json.dumps({"packages": entries}, indent=2, sort_keys=True))
    return file


def install() -> None:
    """Put these in the place of the real packaging."""
    module: Any = ModuleType(PACKAGING)
    module.Package, module.Progress = TinyPackage, object
    module.build_packages, module.write_packages_tfvars = build_packages, write_packages_tfvars
    sys.modules[PACKAGING] = module


if __name__ == "__main__":
    install()
    main()
