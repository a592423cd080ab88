"""A project's ``terraform/`` folder: the root module, which is the project's own, and the modules it uses.

The modules are copied into ``terraform/modules``, so that a project needs nothing but Terraform and the AWS provider.
They stay this package's: a stamp beside them says which version they are, and `refreshed_modules` brings them up to it.
Files of other names in there (overrides) are nobody's business but the project's.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import agent_framework
from agent_framework.cli.scaffolding.files import write_into
from agent_framework.cli.scaffolding.templates import render_file, render_folder
from agent_framework.config.project_config import ProjectConfig
from agent_framework.errors import ProjectError
from agent_framework.types import is_array, is_object

TERRAFORM_DIR = "terraform"
MODULES_DIR = f"{TERRAFORM_DIR}/modules"
STAMP = f"{MODULES_DIR}/.agent-framework.json"
_SUFFIXES = (".tf", ".md")


def terraform_files(config: ProjectConfig) -> dict[str, str]:
    """Texts by path of the whole folder, for a project that has none."""
    values = {"modules": "./modules", "project": config.project.name, "region": config.project.region}
    root = {f"{TERRAFORM_DIR}/{name}": text for name, text in render_folder("terraform", values).items()}
    return {**root, **module_files()}


def missing_terraform_files(project_dir: Path, config: ProjectConfig) -> dict[str, str]:
    """The whole folder where it has no root module, else nothing: what is there is the project's."""
    return {} if has_root_module(project_dir) else terraform_files(config)


def has_root_module(project_dir: Path) -> bool:
    """Whether there is any ``terraform/*.tf``."""
    return any((project_dir / TERRAFORM_DIR).glob("*.tf"))


def handler_file(agent: str, kind: str) -> tuple[str, str]:
    """Path and text of the Lambda handler of an agent of type ``kind``."""
    return f"backend/agents/{agent}/lambda_handler.py", render_file(f"lambda_handler/{kind}.py", {"name": agent})


def module_files() -> dict[str, str]:
    """The modules of this version and their stamp, by path."""
    modules = {f"{MODULES_DIR}/{path}": text for path, text in sorted(_walk(_modules_root(), ""))}
    digest = hashlib.sha256(json.dumps(modules, sort_keys=True).encode()).hexdigest()
    stamp = {"version": agent_framework.__version__, "sha256": digest, "files": sorted(modules)}
    return {**modules, STAMP: json.dumps(stamp, indent=2) + "\n"}


@dataclass(frozen=True, slots=True)
class ModulesUpdate:
    """What brings a project's modules up to this version; ``before`` is the version they have, if any."""

    before: str | None
    files: Mapping[str, str]
    removed: tuple[str, ...]

    def write(self, project_dir: Path) -> None:
        """Write the new files, the stamp last, and remove those that there are no more."""
        write_into(project_dir, self.files)
        for name in self.removed:
            (project_dir / name).unlink(missing_ok=True)


def refreshed_modules(project_dir: Path) -> ModulesUpdate | None:
    """What has to change in ``terraform/modules``; None if they are of this version, or the project has none."""
    if not (project_dir / MODULES_DIR).is_dir():
        return None
    new = module_files()
    try:
        text = (project_dir / STAMP).read_text("utf-8")
    except FileNotFoundError:
        return ModulesUpdate(None, new, ())
    if text == new[STAMP]:
        return None
    before, known = _read_stamp(project_dir / STAMP, text)
    removed = tuple(name for name in known if name.startswith(f"{MODULES_DIR}/") and name not in new)
    return ModulesUpdate(before, new, removed)


def _read_stamp(path: Path, text: str) -> tuple[str, list[str]]:
    try:
        stamp = json.loads(text)
    except ValueError as exc:
        raise ProjectError(f"{path} is damaged; remove it, and deploy writes the modules anew") from exc
    listed = stamp.get("files") if is_object(stamp) else None
    if not is_object(stamp) or not is_array(listed):
        raise ProjectError(f"{path} is damaged; remove it, and deploy writes the modules anew")
    return str(stamp.get("version")), [name for name in listed if isinstance(name, str) and ".." not in name]


def _modules_root() -> Traversable:
    """In the installed package, or beside it in a checkout."""
    packaged = files("agent_framework.cli").joinpath("terraform_modules")
    return packaged if packaged.is_dir() else Path(agent_framework.__file__).parents[1] / "terraform_modules"


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        if entry.name.startswith(".") or entry.name == "tests":
            continue
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_SUFFIXES):
            yield f"{prefix}{entry.name}", entry.read_text(encoding="utf-8")
