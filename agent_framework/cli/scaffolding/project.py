"""``init``: the files of a new project, from a template and a choice of database."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agent_framework.cli.scaffolding.files import create_folder, existing_files, is_free, write_into
from agent_framework.cli.scaffolding.names import check_project_name
from agent_framework.cli.scaffolding.templates import render_file, render_folder
from agent_framework.cli.scaffolding.terraform import handler_file, terraform_files
from agent_framework.config.loader import CONFIG_FILE, load_config_text
from agent_framework.config.project_config import json_schema
from agent_framework.errors import ProjectError

SCHEMA_FILE = "agents.schema.json"
DATABASES: Mapping[str, str] = {
    "aurora": "aurora-serverless-v2",
    "dynamodb": "dynamodb",
    "postgres": "rds-postgres",
}


@dataclass(frozen=True, slots=True)
class Template:
    """What a template's README says: what the project is, and what its second input is there for."""

    about: str
    other_input: str
    other_effect: str


TEMPLATES: Mapping[str, Template] = {
    "basic": Template(
        about="Two agents write a short text from notes: one finds what matters, the other writes.",
        other_input="input-no-notes.json",
        other_effect="no notes, so the rule's `else` runs the writer alone",
    ),
    "financial": Template(
        about="A portfolio is classified, then reported on, charted and projected to retirement, side by side.",
        other_input="input-no-retirement.json",
        other_effect="nothing is said about retirement, so nothing is projected",
    ),
    "analytics": Template(
        about="Rows of sales are cleaned, then examined for trends and forecast side by side, then summed up.",
        other_input="input-quick.json",
        other_effect="`analysis_type` is `quick`, so another rule leaves the forecast out",
    ),
}


@dataclass(frozen=True, slots=True)
class NewProject:
    """A project that can be written: texts by relative path; ``replaced`` are the files that are there already."""

    name: str
    path: Path
    files: Mapping[str, str]
    replaced: tuple[str, ...] = ()


def plan_project(
    name: str, *, template: str = "basic", database: str = "aurora", directory: Path, force: bool = False
) -> NewProject:
    """The project ``directory/name``; nothing is written.

    Raises:
        ConfigError: the name is not allowed.
        ProjectError: something is there already, and ``force`` does not allow to replace files.
    """
    path = directory.resolve() / check_project_name(name)
    files = _files(name, template, database)
    if is_free(path):
        return NewProject(name, path, files)
    if path.is_symlink() or not path.is_dir():
        raise ProjectError(f"{path} exists and is no folder; choose another name or --directory")
    if not force:
        raise ProjectError(
            f"{path} exists and is not empty; choose another name or --directory, or write into it with --force "
            "(files of the same name are replaced; --dry-run shows which)"
        )
    return NewProject(name, path, files, existing_files(path, files))


def write_project(project: NewProject) -> None:
    """Write all files of ``project``, or none.

    Raises:
        ProjectError: it could not be written; everything is as before.
    """
    if is_free(project.path):
        create_folder(project.path, project.files)
    else:
        write_into(project.path, project.files)


def schema_text() -> str:
    """The JSON Schema of agents.yaml, as ``agent-framework schema`` prints it."""
    return json.dumps(json_schema(), indent=2) + "\n"


def _files(name: str, template: str, database: str) -> dict[str, str]:
    chosen = TEMPLATES[template]
    values = {
        "project": name,
        "about": chosen.about,
        "other_input": chosen.other_input,
        "other_effect": chosen.other_effect,
        "database": render_file(f"database/{database}.yaml", {}).rstrip("\n"),
    }
    values["deployment"] = render_file("deployment.yaml", values).rstrip("\n")
    files = render_folder(f"project/{template}", values)
    config = load_config_text(files[CONFIG_FILE]).config
    values["agent"] = next(iter(config.agents))
    values["agents"] = "\n".join(f"| `{agent}` | {entry.description} |" for agent, entry in config.agents.items())
    files |= render_folder("project/common", values) | {SCHEMA_FILE: schema_text()}
    files |= dict(handler_file(agent, entry.type) for agent, entry in config.agents.items())
    files |= terraform_files(config)
    return dict(sorted(files.items()))
