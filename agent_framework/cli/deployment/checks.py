"""What can be known before anything is made, asked all at once: agents.yaml, terraform/, the program, the account."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from agent_framework.cli.deployment.account import Account, current_account
from agent_framework.cli.deployment.aws import Aws
from agent_framework.cli.deployment.terraform import find_terraform
from agent_framework.cli.deployment.tfvars import TerraformConfig, terraform_config
from agent_framework.cli.scaffolding.terraform import TERRAFORM_DIR, has_root_module
from agent_framework.config.loader import ConfigLoader
from agent_framework.core.environment import environment
from agent_framework.core.project_check import check_project
from agent_framework.errors import AgentFrameworkError, ConfigError, DeploymentError, Problem

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Checked:
    """A stage that can be worked on."""

    loader: ConfigLoader
    made: TerraformConfig
    terraform: str
    account: Account
    aws: Aws

    @property
    def project_dir(self) -> Path:
        """The project's folder."""
        return self.loader.project_dir


def check_stage(project: Path, stage: str, *, account: str | None = None, code: bool = True) -> Checked:
    """Look at everything that a stage needs; ``code`` says whether the agents' code has to be right as well.

    Raises:
        ConfigError: with every problem that was found.
    """
    loader = ConfigLoader(project, stage=stage)
    environment(loader.project_dir)  # AWS_PROFILE may stand in .env; terraform inherits it
    aws = Aws(loader.config.project.region)
    found = _Findings()
    made = found.ask(lambda: terraform_config(loader))
    if code:
        found.add(check_project(loader).errors)
    found.ask(lambda: _check_folder(loader.project_dir))
    terraform = found.ask(find_terraform)
    known = found.ask(lambda: current_account(aws, expected=account))
    if made is None or terraform is None or known is None or found.problems:
        raise ConfigError(found.problems)
    return Checked(loader, made, terraform, known, aws)


class _Findings:
    """Problems, each place of agents.yaml once."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def ask(self, question: Callable[[], T]) -> T | None:
        try:
            return question()
        except ConfigError as exc:
            self.add(exc.problems)
        except AgentFrameworkError as exc:
            self.problems.append(Problem(str(exc)))
        return None

    def add(self, problems: Iterable[Problem]) -> None:
        known = {(item.file, item.line, item.path) for item in self.problems if item.line is not None}
        self.problems += [item for item in problems if (item.file, item.line, item.path) not in known]


def _check_folder(project_dir: Path) -> None:
    if not has_root_module(project_dir):
        raise DeploymentError(
            f"{project_dir / TERRAFORM_DIR} holds no .tf files; 'agent-framework generate-config' writes them"
        )
