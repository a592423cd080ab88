"""``package``: real resolution, real wheels, real bytecode; the zips are opened and run."""

import json
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from agent_framework import ConfigLoader
from agent_framework.cli.deployment.packaging import Package, Progress, build_packages
from agent_framework.cli.deployment.packaging.interpreter import RUNTIME_MODULES
from agent_framework.errors import ForbiddenFileError
from tests.cli.conftest import Ran
from tests.support.model_servers import ModelServer, says
from tests.support.projects import write_agent_file, yaml_of
from tests.support.python313 import python_313

pytestmark = pytest.mark.timeout(900)

MIB = 1024 * 1024
CANARY = "canary-9d41-of-a-package"
AGENT = """
from agent_framework import BaseAgent, agent
from backend.words import GREETING

@agent("{name}")
class Agent(BaseAgent):
    instructions = GREETING
"""
AGENTS: Mapping[str, Any] = {"boss": {"type": "orchestrator"}, "reader": {}, "writer": {}}


ASK_LITELLM = """
import asyncio, os, sys
sys.path[:0] = [sys.argv[1]]
sys.path.append(sys.argv[3])
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
from agents import ModelSettings, ModelTracing
from agent_framework.infrastructure.llm.base import ModelSpec, build_model

model = build_model(ModelSpec("litellm", "openai/x", base_url=sys.argv[2] + "/v1", api_key="k"))
answer = asyncio.run(
    model.get_response(
        None, "hello", ModelSettings(), [], None, [], ModelTracing.DISABLED,
        previous_response_id=None, conversation_id=None, prompt=None,
    )
)
print(answer.output[0].content[0].text)
"""


def runtime_folder(folder: Path) -> str:
    """What Lambda has beside a package, from this environment: it is pure Python, so of any version."""
    folder.mkdir()
    for module in RUNTIME_MODULES:
        for place in Path(boto3.__file__).parents[1].glob(f"{module}*"):
            (folder / place.name).symlink_to(place)
    return str(folder)


def write_project(folder: Path, agents: Mapping[str, Any] = AGENTS) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "agents.yaml").write_text(yaml_of(agents), "utf-8")
    for name in agents:
        write_agent_file(folder, name, AGENT.format(name=name))
    (folder / "backend/words.py").write_text('GREETING = "Say hello."\n', "utf-8")
    return folder


def build(folder: Path, **options: Any) -> dict[str, Package]:
    return {package.agent: package for package in build_packages(ConfigLoader(folder, stage="dev"), **options)}


def names_in(package: Package) -> list[str]:
    return zipfile.ZipFile(package.path).namelist()


@dataclass(frozen=True)
class Built:
    """The same project in two folders, each packaged."""

    first: Path
    second: Path
    packages: Mapping[str, Package]
    others: Mapping[str, Package]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    python_313()
    first = write_project(tmp_path_factory.mktemp("first") / "project")
    for name in (".env", "backend/.env", "backend/agents/writer/.env.prod"):
        (first / name).write_text(f"SHOP_CANARY_TOKEN={CANARY}\n", "utf-8")
    packages = build(first)
    second = write_project(tmp_path_factory.mktemp("second") / "deeper" / "other-name")
    shutil.copytree(first / "locks", second / "locks")
    yield Built(first, second, packages, build(second))
    os.environ.pop("SHOP_CANARY_TOKEN", None)  # from the project's .env


def test_two_folders_make_the_same_bytes(built: Built) -> None:
    assert {name: package.sha256 for name, package in built.packages.items()} == {
        name: package.sha256 for name, package in built.others.items()
    }
    assert built.packages["writer"].path.read_bytes() == built.others["writer"].path.read_bytes()


def test_sizes_are_within_their_limits(built: Built) -> None:
    boss, writer = built.packages["boss"], built.packages["writer"]
    print(f"worker: {writer.unzipped_bytes / MIB:.1f} MiB unzipped, {writer.zipped_bytes / MIB:.2f} zipped")
    print(f"orchestrator: {boss.unzipped_bytes / MIB:.1f} MiB unzipped, {boss.zipped_bytes / MIB:.2f} zipped")
    assert writer.unzipped_bytes <= 80 * MIB
    assert writer.zipped_bytes <= 25 * MIB
    assert boss.zipped_bytes <= 15 * MIB
    for package in (boss, writer):
        entries = zipfile.ZipFile(package.path).infolist()
        assert sum(entry.file_size for entry in entries) == package.unzipped_bytes
        assert package.path.stat().st_size == package.zipped_bytes


def test_an_orchestrator_carries_no_sdk_and_no_package_carries_the_command_or_boto3(built: Built) -> None:
    boss, writer = ({name.split("/")[0] for name in names_in(built.packages[name])} for name in ("boss", "writer"))
    assert {"agents", "openai"} <= writer
    assert not {"agents", "openai", "mcp", "litellm"} & boss
    assert not {"boto3", "botocore", "urllib3", "rich", "litellm", "bin", "uv"} & (boss | writer)
    assert not [
        name for name in names_in(built.packages["writer"]) if re.match(r"agent_framework/(cli|testing)/", name)
    ]
    assert "agent_framework/infrastructure/queue/local.sql" in names_in(built.packages["boss"])


def test_each_package_has_its_own_agent_and_what_all_share(built: Built) -> None:
    own = [name for name in names_in(built.packages["writer"]) if name.startswith("backend/") and name.endswith(".py")]
    assert own == ["backend/agents/writer/agent.py", "backend/agents/writer/lambda_handler.py", "backend/words.py"]
    with zipfile.ZipFile(built.packages["boss"].path) as archive:
        assert json.loads(archive.read("agent_framework_package.json")) == {
            "agent": "boss",
            "role": "orchestrator",
            "agents": ["boss", "reader", "writer"],
        }
        assert b'orchestrator_handler("boss")' in archive.read("backend/agents/boss/lambda_handler.py")


def test_row_37_the_values_in_a_projects_env_files_are_in_no_zip_and_beside_none(built: Built) -> None:
    for package in built.packages.values():
        with zipfile.ZipFile(package.path) as archive:
            assert not [name for name in archive.namelist() if ".env" in name or CANARY.encode() in archive.read(name)]
    texts = {path: path.read_bytes() for path in built.first.rglob("*") if path.is_file() and ".env" not in path.name}
    assert not [path for path, content in texts.items() if CANARY.encode() in content]


def test_row_37_a_file_with_the_value_of_a_secret_is_in_no_package(built: Built) -> None:
    words = built.first / "backend/words.py"
    before = words.read_text("utf-8")
    words.write_text(f'{before}TOKEN = "{CANARY}"\n', "utf-8")
    try:
        with pytest.raises(
            ForbiddenFileError, match=r"^backend/words\.py holds the value of SHOP_CANARY_TOKEN"
        ) as told:
            build(built.first)
    finally:
        words.write_text(before, "utf-8")
    assert CANARY not in str(told.value)


def test_bytecode_is_python_3_13s_unchecked_and_names_lambdas_folder(built: Built) -> None:
    magic = bytes.fromhex(python_313().magic)
    assert magic == (3571).to_bytes(2, "little") + b"\r\n"
    with zipfile.ZipFile(built.packages["writer"].path) as archive:
        sources = [name for name in archive.namelist() if name.endswith(".py") and "/template" not in name]
        compiled = {name: archive.read(name) for name in archive.namelist() if name.endswith(".pyc")}
    assert len(compiled) > 0.99 * len(sources)
    assert all(content[:8] == magic + b"\1\0\0\0" for content in compiled.values())
    mine = compiled["backend/agents/writer/__pycache__/agent.cpython-313.pyc"]
    assert b"/var/task/backend/agents/writer/agent.py" in mine
    assert not [name for name, content in compiled.items() if str(built.first).encode() in content]


def test_a_zip_runs_alone_on_lambdas_python(built: Built, tmp_path: Path) -> None:
    zipfile.ZipFile(built.packages["boss"].path).extractall(tmp_path)
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import yaml; "
        "from backend.agents.boss.lambda_handler import handler; assert callable(handler); "
        "import backend.agents.boss.agent as a; print(a.Agent.instructions, yaml.__file__)"
    )
    done = subprocess.run([python_313().path, "-I", "-S", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["Say", "hello.", f"{tmp_path}/yaml/__init__.py"]


def test_import_times_are_measured(built: Built) -> None:
    times = {name: package.import_ms for name, package in built.packages.items()}
    print(f"import, in ms: {times}")
    assert times["boss"] is not None
    assert times["writer"] is not None
    assert times["boss"] < times["writer"]
    assert built.packages["writer"].heaviest[0][0] == "openai"


def test_what_did_not_change_is_not_built_again_and_an_edit_changes_one_package(built: Built) -> None:
    source = built.second / "backend/agents/writer/agent.py"
    before = source.read_text("utf-8")
    assert all(package.unchanged for package in build(built.second).values())
    source.write_text(f"{before}\n# edited\n", "utf-8")
    edited = build(built.second)
    assert [name for name, package in edited.items() if not package.unchanged] == ["writer"]
    assert [name for name in edited if edited[name].sha256 != built.packages[name].sha256] == ["writer"]
    source.write_text(before, "utf-8")
    assert build(built.second)["writer"].sha256 == built.packages["writer"].sha256


def test_a_damaged_package_is_built_again(built: Built) -> None:
    target = built.others["boss"].path
    target.write_bytes(target.read_bytes()[:-10])
    again = build(built.second, agents=["boss"])
    assert (again["boss"].sha256, again["boss"].unchanged) == (built.packages["boss"].sha256, False)


def test_the_command_shows_a_table_and_tells_terraform(af: Callable[..., Ran], built: Built) -> None:
    ran = af("package", "--project", built.first)
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0].split() == ["agent", "role", "arch", "zipped", "unzipped", "import", "heaviest"]
    assert [line.split()[0] for line in lines[1:4]] == ["boss", "reader", "writer"]
    assert "% of the 250 that Lambda takes" in lines[4]
    assert lines[5:] == ["unchanged, not built again: all of them", "next: agent-framework deploy --stage dev"]
    written = json.loads((built.first / "terraform/packages.auto.tfvars.json").read_text("utf-8"))["packages"]
    assert written["boss"]["s3_key"] == f"packages/boss/{built.packages['boss'].sha256}.zip"
    assert (built.first / "terraform" / written["boss"]["path"]).resolve() == built.packages["boss"].path


def test_the_command_answers_in_json(af: Callable[..., Ran], built: Built) -> None:
    answer = json.loads(af("package", "--project", built.first, "--agent", "writer", "--json").out)
    assert [(item["agent"], item["unchanged"]) for item in answer["packages"]] == [("writer", True)]
    assert answer["packages"][0]["sha256"] == built.packages["writer"].sha256


def test_a_worker_with_litellm_fits(tmp_path: Path) -> None:
    python = python_313()
    package = build(write_project(tmp_path, {"writer": {"llm": {"client": "litellm"}}}), agents=["writer"])["writer"]
    folder = tmp_path / "unzipped"
    zipfile.ZipFile(package.path).extractall(folder)
    with ModelServer(says("hello there")) as server:
        arguments = [
            python.path,
            "-I",
            "-S",
            "-B",
            "-c",
            ASK_LITELLM,
            str(folder),
            server.url,
            runtime_folder(tmp_path / "runtime"),
        ]
        answer = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=120)
    assert answer.stdout.splitlines()[-1] == "hello there", "what was left out is not needed by a call"
    print(f"with LiteLLM: {package.unzipped_bytes / MIB:.0f} MiB unzipped, {package.zipped_bytes / MIB:.0f} zipped")
    assert "litellm/__init__.py" in names_in(package)
    assert package.unzipped_bytes < 250 * MIB


def test_an_arm_package_has_arm_libraries(tmp_path: Path) -> None:
    boss = {"type": "orchestrator", "runtime": {"architecture": "arm64"}}
    package = build(write_project(tmp_path, {"boss": boss}), bytecode=False)["boss"]
    libraries = [name for name in names_in(package) if name.endswith(".so")]
    assert libraries
    assert all("aarch64" in name for name in libraries)
    assert (package.architecture, package.import_ms) == ("arm64", None)


def test_a_stale_lock_is_made_anew_and_said(tmp_path: Path) -> None:
    told: list[Progress] = []
    write_project(tmp_path, {"boss": {"type": "orchestrator", "requirements": ["idna<3.8"]}})
    build(tmp_path, bytecode=False)
    lock = tmp_path / "locks/agent-boss-x86_64.txt"
    assert "idna==3.7" in lock.read_text("utf-8")
    before = lock.read_text("utf-8")
    write_project(tmp_path, {"boss": {"type": "orchestrator", "requirements": ["idna<3.9"]}})
    build(tmp_path, bytecode=False, progress=told.append)
    assert "locks/agent-boss-x86_64.txt was made anew: what it has to bring changed" in [item.text for item in told]
    assert "idna==3.7" in lock.read_text("utf-8"), "a version that still fits is kept"
    assert lock.read_text("utf-8") != before
    build(tmp_path, bytecode=False, upgrade=True)
    assert "idna==3.8" in lock.read_text("utf-8")
