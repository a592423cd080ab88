"""The view ``job_outputs``: agents' results under the names that agents.yaml gives them (``database_field``)."""

import re
from collections.abc import Mapping

from agent_framework.errors import ConfigError
from agent_framework.infrastructure.database._script import Script, Statement

FIELD = re.compile(r"[a-z_][a-z0-9_]{0,62}")
VIEW_COLUMNS: tuple[str, ...] = ("job_id", "user_id", "job_type", "status", "created_at", "completed_at")
"""What `create_output_view` shows of the job itself."""


def output_view(fields: Mapping[str, str]) -> Script[None]:
    """Make ``job_outputs`` anew: a row per job, a column per field of ``fields`` (agent -> column).

    Raises:
        ConfigError: a column has a bad name, the name of a column of the job, or two agents share it.
    """
    columns = ["jobs.id AS job_id", *(f"jobs.{name}" for name in VIEW_COLUMNS[1:])]
    taken = dict.fromkeys(VIEW_COLUMNS, "the job itself")
    for agent, field in fields.items():
        where = f"agents.{agent}.outputs.database_field: {field!r}"
        if not FIELD.fullmatch(field) or not FIELD.fullmatch(agent):
            raise ConfigError(f"{where} is no column name; use lower-case letters, digits and _")
        if field in taken:
            raise ConfigError(f"{where} is taken by {taken[field]} in the view job_outputs; choose another name")
        taken[field] = f"agent {agent}"
        columns.append(
            "(SELECT result_payload FROM agent_results"
            f" WHERE agent_results.job_id = jobs.id AND agent_name = '{agent}') AS \"{field}\""
        )
    yield Statement("DROP VIEW IF EXISTS job_outputs")
    yield Statement(f"CREATE VIEW job_outputs AS SELECT {', '.join(columns)} FROM jobs")
