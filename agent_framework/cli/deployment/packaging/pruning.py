"""What an installed closure carries that no function needs, and what it must not carry at all.

Always gone: tests, scripts with this machine's paths in them, records of the installation, long descriptions. Where
only the framework's own requirements are installed, parts go too that cannot be used with them.
"""

import csv
import os
import re
import shutil
from email.parser import HeaderParser
from pathlib import Path

from agent_framework.errors import ForbiddenFileError

_FOLDERS = frozenset({"tests", "__pycache__", "sboms"})
_TOP_FOLDERS = frozenset({"bin", "include"})
_INSTALLER_FILES = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"})

UNUSABLE = (
    "agents/extensions/sandbox",  # each needs a provider's own SDK, of extras that are not installed
    "agents/voice",  # needs numpy, of an extra that is not installed
    "agents/extensions/experimental/codex",  # needs the program codex
    "agents/extensions/memory/dapr_session.py",  # the same: dapr
    "agents/extensions/memory/mongodb_session.py",  # pymongo
    "agents/extensions/memory/redis_session.py",  # redis
    "agents/extensions/memory/sqlalchemy_session.py",  # SQLAlchemy
    "agents/extensions/models/any_llm_model.py",  # any-llm
    "agents/extensions/models/any_llm_provider.py",
    "agents/extensions/visualization.py",  # graphviz
    "openai/helpers",  # records and plays sound, with NumPy and a sound device
    "mcp/cli",  # its command, which needs typer
    "uvicorn",  # serves HTTP for MCP's servers, which import it when they begin to; a function never listens
    "jsonschema/benchmarks",  # measures jsonschema
    "cffi",  # only cryptography is built with it, which needs the compiled _cffi_backend and no more
    "pycparser",  # only cffi's Python part uses it
)
"""Parts of the framework's requirements that cannot run, or are never asked for, with these requirements alone."""

BOTOCORE_SERVICES = (
    *("bedrock-runtime", "dynamodb", "events", "kms", "lambda", "rds-data", "s3", "scheduler", "secretsmanager"),
    *("sqs", "ssm", "sso", "sso-oidc", "sts"),
)
"""Services whose descriptions stay where boto3 is carried for the framework alone; all others' are 24 MB."""

LITELLM_SERVER = ("_experimental", "client", "swagger", "_lazy_openapi_snapshot.json", "_lazy_openapi_snapshot.py")
"""Pages, descriptions and commands of LiteLLM's server, in ``litellm/proxy``; its other parts are imported by calls."""

_LITELLM_LOADED = re.compile(
    r"__init__|_types|exception_utils|savings|stdio_gate|timezone_utils|(types_utils/|openai_files_endpoints/common_)utils"
)
"""Modules of ``litellm/proxy`` that a model call loads; the others' bytecode, 17 MB, would never be read."""


def owners(tree: Path) -> dict[str, str]:
    """Which distribution each installed file is from, by path relative to ``tree``; read before `prune`."""
    found: dict[str, str] = {}
    for record in sorted(tree.glob("*.dist-info/RECORD")):
        name = record.parent.name.removesuffix(".dist-info").rpartition("-")[0]
        with record.open(encoding="utf-8", newline="") as lines:
            found |= {row[0].replace("\\", "/"): name for row in csv.reader(lines) if row}
    return found


def refuse_dangerous(tree: Path, owner: dict[str, str], *, where: str) -> None:
    """No ``.pth`` file (Python runs code in them at every start), and no link that leads out of the tree.

    Raises:
        ForbiddenFileError: naming the file and the distribution that brings it.
    """
    root = tree.resolve()
    for path in sorted(tree.rglob("*")):
        name = path.relative_to(tree).as_posix()
        brings = f"{owner.get(name, 'a dependency')} of {where}"
        if path.suffix.lower() == ".pth":
            raise ForbiddenFileError(
                f"{brings} has the file {name}: Python runs what is in .pth files at every start, and malicious "
                "releases have used that, so no package carries one; take another version, or do without"
            )
        if path.is_symlink() and not (path.exists() and path.resolve().is_relative_to(root)):
            raise ForbiddenFileError(
                f"{brings} has the link {name} to {os.readlink(path)}, which leads out of the package or nowhere"
            )


def prune(tree: Path, *, own_requirements: bool) -> None:
    """Remove what no function needs. Files may be links into uv's cache: they are removed or replaced, not changed."""
    for folder in _unneeded_folders(tree):
        shutil.rmtree(folder)
    if not own_requirements:
        for part in (*(tree / name for name in UNUSABLE), *tree.rglob("*.pyi"), *_other_services(tree)):
            _remove(part)
    for name in LITELLM_SERVER if _is_client_only(tree) else ():
        _remove(tree / "litellm" / "proxy" / name)
    for name in (".lock", ".gitignore"):
        (tree / name).unlink(missing_ok=True)
    for path in tree.glob("*.dist-info/*"):
        if path.name in _INSTALLER_FILES:
            path.unlink()
        elif path.name == "METADATA":
            _keep_headers(path)


def prune_bytecode(tree: Path) -> None:
    """Remove bytecode that is never read. A module without it can be imported all the same."""
    server = tree / "litellm" / "proxy"
    for path in server.rglob("*.pyc") if _is_client_only(tree) else ():
        source = path.relative_to(server).as_posix().replace("__pycache__/", "").partition(".")[0]
        if not _LITELLM_LOADED.search(source):
            path.unlink()


def _other_services(tree: Path) -> list[Path]:
    """Folders of botocore that describe services which nothing of the framework asks."""
    described = tree / "botocore" / "data"
    return [path for path in described.glob("*") if path.is_dir() and path.name not in BOTOCORE_SERVICES]


def _is_client_only(tree: Path) -> bool:
    """Whether LiteLLM cannot be a server here: what its server is made with is not installed."""
    return not (tree / "fastapi").exists()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _unneeded_folders(tree: Path) -> list[Path]:
    found = [tree / name for name in sorted(_TOP_FOLDERS) if (tree / name).is_dir()]
    for folder, names, _ in os.walk(tree):
        inside = [Path(folder, name) for name in names if name in _FOLDERS and Path(folder) not in found]
        found += inside
        names[:] = [name for name in names if name not in _FOLDERS and Path(folder, name) not in found]
    return found


def _keep_headers(metadata: Path) -> None:
    """Names, versions and licences stay for `importlib.metadata`; the long description is for people."""
    headers = HeaderParser().parsestr(metadata.read_text("utf-8"), headersonly=True)
    text = "".join(f"{name}: {value}\n" for name, value in headers.items() if name.lower() != "description")
    metadata.unlink()
    metadata.write_text(text, "utf-8", newline="")
