"""What is known here of a deployed stage: ``.agent-framework/stages/<stage>.json``, written by ``deploy``.

The file holds addresses and names, never a secret; whoever has it still needs AWS credentials. ``Project.open`` reads
it, so that ``run``, ``jobs`` and ``worker`` of a stage find what was deployed.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent_framework.config.loader import ConfigLoader
from agent_framework.errors import ProjectError
from agent_framework.types import JSONDict

STAGES_DIR = ".agent-framework/stages"


class DeployedStage(BaseModel):
    """A stage as it was last deployed from here.

    ``infrastructure`` is what the running agents are told; ``functions`` and ``log_groups`` are by agent.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    stage: str
    project: str
    account: str
    region: str
    orchestrator: str
    infrastructure: dict[str, JSONDict]
    functions: dict[str, str] = Field(default_factory=dict[str, str])
    log_groups: dict[str, str] = Field(default_factory=dict[str, str])
    queue_url: str | None = None
    queue_arn: str | None = None
    dead_letter_url: str | None = None
    bucket: str | None = None
    approvals_url: str | None = None
    state_bucket: str | None = None
    deployed_at: str = ""

    @property
    def blocks(self) -> dict[str, JSONDict]:
        """``infrastructure`` as it holds outside AWS, where the environment need not name the stage's region."""
        return {
            kind: {**block, "config": {"region": self.region, **block.get("config", {})}}
            for kind, block in self.infrastructure.items()
        }

    @classmethod
    def read(cls, project_dir: Path, stage: str) -> Self | None:
        """The stage as the project's folder knows it; None if it was not deployed from here.

        Raises:
            ProjectError: the file cannot be read.
        """
        path = stage_file(project_dir, stage)
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as exc:
            raise ProjectError(
                f"{path} cannot be read ({type(exc).__name__}); 'agent-framework deploy --stage {stage}' writes it anew"
            ) from exc

    def write(self, project_dir: Path) -> Path:
        """Write the file, whole or not at all, and return its path."""
        path = stage_file(project_dir, self.stage)
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".json.new")
        new.write_text(json.dumps(self.model_dump(mode="json"), indent=2, sort_keys=True) + "\n", "utf-8")
        new.replace(path)
        return path


def loader_of(
    path: str | Path, stage: str, infrastructure: Mapping[str, JSONDict] | None = None
) -> tuple[ConfigLoader, bool]:
    """The loader of a stage, and whether it is deployed: then its providers and links are those of the deployment.

    ``infrastructure`` is what a process was told; otherwise what was deployed from the project's folder counts.

    Raises:
        ConfigError, ProjectError
    """
    loader = ConfigLoader(path, stage=stage)
    deployed = DeployedStage.read(loader.project_dir, stage)
    loader = loader.with_approvals_url(deployed.approvals_url if deployed is not None else None)
    blocks = deployed.blocks if infrastructure is None and deployed is not None else infrastructure
    return (loader.with_infrastructure(blocks), True) if blocks else (loader, False)


def stage_file(project_dir: Path, stage: str) -> Path:
    """Where a stage's file is, whether it is there or not."""
    return project_dir / STAGES_DIR / f"{stage}.json"
