"""``deploy`` in its steps: prepare (state bucket, packages, variables), plan, apply the saved plan, settle.

`prepare_and_plan` makes nothing but the state bucket and files of this folder; `apply` is what the user has agreed to.
Every step can be repeated: what an earlier run left half done, the next one carries on.
"""

from dataclasses import dataclass
from pathlib import Path

from agent_framework.cli.deployment.changes import PlannedChanges
from agent_framework.cli.deployment.idle_costs import IdleCost, idle_costs
from agent_framework.cli.deployment.migration import migrate_stage
from agent_framework.cli.deployment.outputs import deployed_stage
from agent_framework.cli.deployment.packaging import Package, Progress, build_packages, write_packages_tfvars
from agent_framework.cli.deployment.progress import Say
from agent_framework.cli.deployment.stage_work import StageWork
from agent_framework.core.deployed import DeployedStage

_HALF_WAY = (
    "the apply stopped half-way. What was made is in the state and nothing is lost: mend the cause, then run the same "
    "command again, and it goes on from there"
)


@dataclass(frozen=True, slots=True)
class Planned:
    """What applying would do, and what the stage then costs while idle."""

    changes: PlannedChanges
    costs: tuple[IdleCost, ...]


@dataclass(slots=True)
class Deployer:
    """Deploys one stage; ``say`` is told each step."""

    work: StageWork
    say: Say

    def prepare_and_plan(self, var_files: tuple[Path, ...] = ()) -> Planned | None:
        """Everything up to the saved plan; None if there is nothing to change."""
        work = self.work
        made = work.state.ensure()
        self.say(f"  state    {work.place.bucket}, key {work.place.key}{' (bucket made now)' if made else ''}")
        packages = self._package()
        size = sum(item.zipped_bytes for item in packages) / 2**20
        same = sum(item.unchanged for item in packages)
        self.say(f"  packages {len(packages)}, {size:.1f} MiB zipped{f', {same} of them as before' if same else ''}")
        for note in work.checked.made.notes:
            self.say(f"  note     {note}")
        update = work.generate()
        if update is not None:
            self.say(f"  modules  terraform/modules brought up to this version (was {update.before or 'unknown'})")
        self.say("planning")
        work.terraform.init(work.state.backend())
        plan = work.terraform.plan(var_files=work.var_files(var_files))
        return None if plan is None else Planned(PlannedChanges.of(plan), idle_costs(plan))

    def _package(self) -> tuple[Package, ...]:
        """Build the packages, and write the file in which Terraform finds them by the hash of their content."""
        packages = build_packages(self.work.checked.loader, progress=self._hear)
        write_packages_tfvars(self.work.checked.project_dir, packages)
        return packages

    def _hear(self, progress: Progress) -> None:
        if progress.note:
            self.say(f"  note     {progress.text}")
        elif progress.done < progress.total or not progress.total:
            self.say(f"  building {progress.text}")

    def apply(self, planned: Planned) -> None:
        """Apply the saved plan.

        Raises:
            DeploymentError: terraform stopped; the state has what was done.
            KeyboardInterrupt: the user stopped it, and terraform has finished what it had begun.
        """
        self.work.apply(self.say, len(planned.changes.changes), half_way=_HALF_WAY)

    def settle(self) -> tuple[DeployedStage, str]:
        """Write down where the stage is, and migrate its database; the stage, and what was done to the database."""
        checked, project = self.work.checked, self.work.checked.loader.config.project
        deployed = deployed_stage(
            self.work.terraform.outputs(),
            project=project.name,
            stage=self.work.stage,
            account=checked.account.id,
            region=project.region,
            state_bucket=self.work.place.bucket,
        )
        deployed.write(checked.project_dir)
        return deployed, migrate_stage(checked.project_dir, deployed)
