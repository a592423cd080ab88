"""Bringing a project's database up to this version of the package, with the view of its agents' outputs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent_framework.core.runtime import Project
from agent_framework.infrastructure.database import SchemaStatus, SqlDatabase


@dataclass(frozen=True, slots=True)
class Migrated:
    """The version before, the schema now, and the columns of the view ``job_outputs`` by agent."""

    before: int
    after: SchemaStatus
    outputs: Mapping[str, str] = field(default_factory=dict[str, str])


async def migrate(project: Project) -> Migrated:
    """Create the tables or bring them up to date; safe to repeat, and from several places at once."""
    before = await project.db.schema_status()
    outputs: dict[str, str] = {}
    if isinstance(project.db, SqlDatabase):
        outputs = {
            name: agent.outputs.database_field
            for name, agent in project.config.agents.items()
            if agent.outputs.database_field is not None
        }
        await project.db.migrate(outputs=outputs)
    else:
        await project.db.migrate()
    return Migrated(before.current, await project.db.schema_status(), outputs)
