"""The seam to packaging: from the project's code to zips, and to the file in which Terraform finds them."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from agent_framework.config.loader import ConfigLoader


@dataclass(frozen=True, slots=True)
class Packaged:
    """One agent's package, as deploying has to know it."""

    agent: str
    sha256: str
    zipped_bytes: int


def package_agents(loader: ConfigLoader) -> tuple[Packaged, ...]:
    """Build the packages of all agents and write ``terraform/packages.auto.tfvars.json``.

    Terraform uploads what it finds there by content hash: a package that did not change is not uploaded again.
    """
    packaging: Any = import_module("agent_framework.cli.deployment.packaging")
    build: Callable[..., Any] = packaging.build_packages
    packages = build(loader)
    packaging.write_packages_tfvars(loader.project_dir, packages)
    return tuple(Packaged(item.agent, item.sha256, item.zipped_bytes) for item in packages)
