"""Terraform for one stage: where its state and its data are, and one command at a time in a project's folder."""

import json
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from agent_framework.cli.deployment.checks import Checked
from agent_framework.cli.deployment.log import CommandLog
from agent_framework.cli.deployment.progress import ApplyLines, Say
from agent_framework.cli.deployment.state_bucket import StateBucket, StatePlace, state_place
from agent_framework.cli.deployment.terraform import Terraform, process_environment
from agent_framework.cli.deployment.tfvars import write_tfvars
from agent_framework.cli.scaffolding.terraform import TERRAFORM_DIR, ModulesUpdate, refreshed_modules
from agent_framework.core.deployed import DeployedStage
from agent_framework.errors import DeploymentError, ProjectError
from agent_framework.types import is_object

DATA_DIR = ".agent-framework/terraform"

if sys.platform != "win32":
    import fcntl


class StageWork:
    """One stage of a checked project, with its Terraform; `in_turn` keeps two commands of a folder apart."""

    def __init__(self, checked: Checked, log: CommandLog, *, bucket: str | None = None) -> None:
        self.checked = checked
        self.stage = checked.loader.stage
        self.data_dir = checked.project_dir / DATA_DIR / self.stage
        project = checked.loader.config.project
        remembered = self._remembered_bucket() or self._deployed_bucket()
        if bucket and remembered and bucket != remembered:
            raise DeploymentError(
                f"stage {self.stage} has its state in the bucket {remembered}, and --state-bucket names {bucket}; "
                "leave the option out, or move the state first (terraform init -migrate-state)"
            )
        self.place: StatePlace = state_place(
            project.name, self.stage, checked.account.id, project.region, bucket=bucket or remembered
        )
        self.state = StateBucket(checked.aws, self.place, checked.account.id)
        self.terraform = Terraform(
            checked.terraform,
            checked.project_dir,
            self.data_dir,
            log,
            process_environment(),
            {"aws_account_id": checked.account.id},
        )

    def generate(self) -> ModulesUpdate | None:
        """Write the stage's variables, and bring ``terraform/modules`` up to date; what changed there."""
        update = refreshed_modules(self.checked.project_dir)
        if update is not None:
            update.write(self.checked.project_dir)
        write_tfvars(self.checked.project_dir, self.checked.made)
        return update

    def var_files(self, given: tuple[Path, ...]) -> tuple[Path, ...]:
        """``terraform/<stage>.tfvars`` where there is one, then those that were given."""
        own = self.checked.project_dir / TERRAFORM_DIR / f"{self.stage}.tfvars"
        return (*([own] if own.is_file() else []), *given)

    @contextmanager
    def in_turn(self) -> Generator[None, None, None]:
        """Hold the folder: the generated files are of one stage at a time. A plan that is left at the end is removed.

        Raises:
            ProjectError: another command holds it.
        """
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.data_dir.parent / "lock").open("w") as file:
            if sys.platform != "win32":  # there two commands in one folder are the user's own look-out
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError as exc:
                    folder = self.checked.project_dir
                    raise ProjectError(f"another deploy or destroy runs in {folder}; wait until it is done") from exc
            try:
                yield
            finally:
                self.terraform.plan_file.unlink(missing_ok=True)

    def apply(self, say: Say, count: int, *, half_way: str) -> None:
        """Apply the saved plan of ``count`` changes; ``half_way`` says what to do if it stops.

        Raises:
            DeploymentError: terraform stopped; the state has what was done.
            KeyboardInterrupt: the user stopped it, and terraform has finished what it had begun.
        """
        ended = self.terraform.apply(
            ApplyLines(say, count),
            on_interrupt=lambda: say("interrupted: terraform finishes what it has begun; please wait"),
        )
        if ended.interrupted:
            say("the state is kept; run the same command again to go on")
            raise KeyboardInterrupt
        if ended.code != 0:
            raise self.terraform.failure(ended, half_way)

    def _deployed_bucket(self) -> str | None:
        """The bucket that the last deployment from this folder wrote down."""
        deployed = DeployedStage.read(self.checked.project_dir, self.stage)
        return deployed.state_bucket if deployed else None

    def _remembered_bucket(self) -> str | None:
        """The bucket that terraform was last connected to for this stage."""
        try:
            found = json.loads((self.data_dir / "terraform.tfstate").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        backend = found.get("backend") if is_object(found) else None
        config = backend.get("config") if is_object(backend) else None
        return str(config["bucket"]) if is_object(config) and config.get("bucket") else None
