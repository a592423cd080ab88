"""Options that several commands share, and reading a job's input."""

import getpass
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from agent_framework.config.loader import CONFIG_FILE, LOCAL_STAGE
from agent_framework.core.deployed import DeployedStage
from agent_framework.core.models import ModelChoice
from agent_framework.errors import ConfigError, DeploymentError, Problem
from agent_framework.types import JSONDict

F = TypeVar("F", bound=Callable[..., Any])
MAX_INPUT_BYTES = 50_000_000
_DATA_FILES = frozenset({".csv", ".tsv", ".xlsx", ".parquet", ".txt", ".md", ".pdf", ".xml"})

project_option = click.option(
    "--project",
    "-p",
    type=click.Path(path_type=Path, file_okay=True),
    default=Path(),
    show_default="this folder",
    help=f"The project's folder (the one with {CONFIG_FILE}).",
)
stage_option = click.option(
    "--stage", default=LOCAL_STAGE, show_default=True, help="The stage to use: local, dev, or one of agents.yaml."
)
deployed_stage_option = click.option(
    "--stage", default="dev", show_default=True, help="The deployed stage: dev, prod, or one of agents.yaml."
)
account_option = click.option("--account", metavar="ID", help="Refuse to work in any other AWS account than this one.")
state_bucket_option = click.option(
    "--state-bucket",
    metavar="NAME",
    help="Keep Terraform's state in this bucket of yours, instead of <project>-tfstate-<account>-<region>.",
)
auto_approve_option = click.option("--auto-approve", is_flag=True, help="Do not ask.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")


var_file_option = click.option(
    "--var-file",
    "var_files",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="More variables for Terraform, beside terraform/terraform.tfvars and terraform/<stage>.tfvars. Repeatable.",
)


def model_options(command: F) -> F:
    """``--offline``, ``--record`` and ``--replay``."""
    for option in (
        click.option(
            "--replay",
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            help="Answer model calls from a file written by --record; fails where a request changed.",
        ),
        click.option(
            "--record",
            type=click.Path(path_type=Path, dir_okay=False),
            help="Call the model and write each call and answer to this file.",
        ),
        click.option("--offline", is_flag=True, help="Call no model: tools run, answers come from the agents' code."),
    ):
        command = option(command)
    return command


def input_options(command: F) -> F:
    """``--input``, ``--set`` and ``--file``."""
    for option in (
        click.option(
            "--file",
            "files",
            multiple=True,
            metavar="KEY=PATH",
            help="Add the absolute path of a file to the input. Repeatable.",
        ),
        click.option(
            "--set",
            "values",
            multiple=True,
            metavar="KEY=VALUE",
            help="Add a value (JSON, or else text) to the input. Repeatable.",
        ),
        click.option(
            "--input",
            "-i",
            "input_file",
            metavar="FILE",
            help="The job's input: a JSON object, '-' for standard input, or a data file such as data.csv, "
            'which becomes {"csv": "<its path>"}.',
        ),
    ):
        command = option(command)
    return command


def login_name() -> str:
    """Who works here, for records."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "command line"


def where(project: Path, stage: str = LOCAL_STAGE) -> str:
    """The options that lead another command to the same project and stage, with a space before each."""
    folder = "" if project == Path() else f" --project {project}"
    return folder if stage == LOCAL_STAGE else f"{folder} --stage {stage}"


def deployed_from(project: Path, stage: str) -> DeployedStage | None:
    """The stage as it was last deployed from the project's folder, if it was."""
    return DeployedStage.read(project if project.is_dir() else project.parent, stage)


def must_be_deployed(project: Path, stage: str) -> DeployedStage:
    """The same.

    Raises:
        DeploymentError: it was not.
    """
    deployed = deployed_from(project, stage)
    if deployed is None:
        raise DeploymentError(
            f"stage {stage!r} was not deployed from this folder; run: agent-framework deploy{where(project, stage)} "
            "(where it is deployed already, that changes nothing and writes down where it is)"
        )
    return deployed


def model_choice(offline: bool, record: Path | None, replay: Path | None) -> ModelChoice:
    """The choice that the options make.

    Raises:
        click.UsageError: more than one of them.
    """
    if sum(map(bool, (offline, record, replay))) > 1:
        raise click.UsageError("--offline, --record and --replay exclude each other")
    return ModelChoice(offline, record.absolute() if record else None, replay.absolute() if replay else None)


def read_input(input_file: str | None, values: tuple[str, ...] = (), files: tuple[str, ...] = ()) -> JSONDict:
    """The job's input from the options.

    Raises:
        ConfigError: a file is missing or no JSON object.
    """
    job_input: JSONDict = {} if input_file is None else read_json_object(input_file)
    for key, text in map(_split, values):
        job_input[key] = _value(text)
    for key, text in map(_split, files):
        path = Path(text)
        if not path.is_file():
            raise ConfigError([Problem(f"there is no such file (--file {key}=...)", file=text)])
        job_input[key] = str(path.resolve())
    return job_input


def read_json_object(name: str) -> JSONDict:
    """A JSON object from a file or standard input; a data file becomes an object that names it."""
    path = Path(name)
    if path.suffix.lower() in _DATA_FILES:
        if not path.is_file():
            raise ConfigError([Problem("there is no such file", file=name)])
        return {path.suffix.lower().removeprefix("."): str(path.resolve())}
    text = _read_text(name, path)
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except ValueError as exc:
        line = getattr(exc, "lineno", None)
        raise ConfigError([Problem(f"is not JSON: {getattr(exc, 'msg', exc)}", file=name, line=line)]) from exc
    except RecursionError as exc:
        raise ConfigError([Problem("is nested too deeply", file=name)]) from exc
    if not isinstance(value, dict):
        raise ConfigError([Problem('must hold a JSON object such as {"topic": "tea"}', file=name, line=1)])
    return value  # pyright: ignore[reportUnknownVariableType]


def _read_text(name: str, path: Path) -> str:
    if name == "-":
        return sys.stdin.read()
    try:
        if path.stat().st_size > MAX_INPUT_BYTES:
            raise ConfigError([Problem(f"is larger than {MAX_INPUT_BYTES:,} bytes", file=name)])
        return path.read_text("utf-8-sig")
    except OSError as exc:
        raise ConfigError([Problem(f"cannot be read: {exc.strerror}", file=name)]) from exc
    except UnicodeDecodeError as exc:
        raise ConfigError([Problem(f"is not UTF-8 text (byte {exc.start})", file=name)]) from exc


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _split(pair: str) -> tuple[str, str]:
    key, separator, text = pair.partition("=")
    if not separator or not key:
        raise click.UsageError(f"{pair!r}: write KEY=VALUE")
    return key, text


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except ValueError:
        return text
