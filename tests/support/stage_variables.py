"""The variables of Terraform that an agents.yaml becomes, and what is refused of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_framework.cli.deployment.tfvars import TerraformConfig, terraform_config
from agent_framework.config.loader import ConfigLoader
from agent_framework.errors import ConfigError

Make = Callable[..., TerraformConfig]


def made_in(folder: Path) -> Make:
    """The variables of an agents.yaml: ``make("agents: {...}", stage="prod")``; the project is called shop."""

    def made(text: str, *, stage: str = "dev", modules: tuple[str, ...] = ()) -> TerraformConfig:
        (folder / "agents.yaml").write_text(text if "project:" in text else f"project: {{name: shop}}\n{text}")
        for name in modules:
            agent = folder / "backend" / "agents" / name
            agent.mkdir(parents=True)
            (agent / "agent.py").write_text("raise AssertionError('generating must not import agents')\n")
        return terraform_config(ConfigLoader(folder, stage=stage))

    return made


def refusal(make: Make, text: str, **options: Any) -> str:
    """What is said of an agents.yaml that cannot be deployed."""
    with pytest.raises(ConfigError) as caught:
        make(text, **options)
    return str(caught.value)
