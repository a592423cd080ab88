"""``destroy`` in its steps: plan, refuse what is protected, empty the buckets, apply the saved plan, forget the stage.

Nothing is left but the state's bucket, and that goes too where it was asked for. An interrupted run is carried on by
the next one: terraform knows what is left.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agent_framework.cli.deployment.buckets import empty_bucket
from agent_framework.cli.deployment.changes import Change, PlannedChanges
from agent_framework.cli.deployment.progress import Say
from agent_framework.cli.deployment.stage_work import StageWork
from agent_framework.core.deployed import stage_file
from agent_framework.errors import DeploymentError

_HALF_WAY = (
    "the destroy stopped half-way. Mend the cause, then run the same command again: it goes on with what is left"
)
_PROTECTIONS: Mapping[str, tuple[str, str]] = {
    "aws_db_instance": ("deletion_protection", "database.config: {deletion_protection: false}"),
    "aws_dynamodb_table": ("deletion_protection_enabled", "database.config: {deletion_protection: false}"),
    "aws_rds_cluster": ("deletion_protection", "database.config: {deletion_protection: false}"),
}
_BUCKET_REMEDY = "storage.config: {force_destroy: true}"


@dataclass(slots=True)
class Destroyer:
    """Destroys one stage; ``say`` is told each step."""

    work: StageWork
    say: Say

    def has_state(self) -> bool:
        """Whether a state of the stage is where it is looked for."""
        return self.work.state.exists() and self.work.state.has_state()

    def plan(self, var_files: tuple[Path, ...] = ()) -> PlannedChanges | None:
        """What would go; None if there is nothing.

        Raises:
            DeploymentError: something is protected.
        """
        self.work.generate()
        self.work.terraform.init(self.work.state.backend())
        plan = self.work.terraform.plan(var_files=self.work.var_files(var_files), destroy=True)
        if plan is None:
            return None
        changes = PlannedChanges.of(plan)
        self._refuse_protected(changes)
        return changes if changes.changes else None

    def destroy(self, planned: PlannedChanges) -> None:
        """Empty the buckets and apply the saved plan.

        Raises:
            DeploymentError: something was refused; the state has what is left.
            KeyboardInterrupt: the user stopped it, and terraform has finished what it had begun.
        """
        for change in planned.changes:
            if change.type == "aws_s3_bucket":
                bucket = str(change.before["bucket"])
                count = empty_bucket(self.work.checked.aws, bucket, self.work.checked.account.id)
                self.say(f"  emptied {bucket}: {count} versions of objects")
        self.work.apply(self.say, len(planned.changes), half_way=_HALF_WAY)

    def forget(self, *, delete_state: bool) -> str:
        """Remove what this folder knows of the stage, and the state if asked for; what is left, in words."""
        stage_file(self.work.checked.project_dir, self.work.stage).unlink(missing_ok=True)
        place = self.work.place
        if not self.work.state.exists():
            left = "nothing is left"
        elif not delete_state:
            return f"left: the state's bucket {place.bucket} (--delete-state removes the state, and an empty bucket)"
        elif self.work.state.delete_state():
            left = f"nothing is left: the state's bucket {place.bucket} was deleted"
        else:
            left = f"the stage's state was deleted; the bucket {place.bucket} holds more and is left"
        shutil.rmtree(self.work.data_dir, ignore_errors=True)
        return left

    def _refuse_protected(self, changes: PlannedChanges) -> None:
        found = [(change, remedy) for change in changes.changes if (remedy := _protection(change))]
        if not found:
            return
        lines = [f"  {change.address}: stages.{self.work.stage}.infrastructure.{remedy}" for change, remedy in found]
        raise DeploymentError(
            f"stage {self.work.stage} is protected, and nothing was destroyed. If its data may go, set this in "
            f"agents.yaml, run 'agent-framework deploy --stage {self.work.stage}', then destroy again:\n"
            + "\n".join(lines)
        )


def _protection(change: Change) -> str | None:
    """What to set so that this may be destroyed; None if it may."""
    if change.type == "aws_s3_bucket":
        return None if change.before.get("force_destroy") else _BUCKET_REMEDY
    field, remedy = _PROTECTIONS.get(change.type, ("", ""))
    return remedy if field and change.before.get(field) else None
