"""Building packages: all that were asked for, or none."""

import os
import shutil
import tempfile
from collections.abc import Collection, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from agent_framework.cli.deployment.agents import deployed_agents
from agent_framework.cli.deployment.packaging.assemble import Inputs, assemble
from agent_framework.cli.deployment.packaging.base import (
    FORMAT,
    Base,
    base_key,
    ensure_base,
    forget_bases,
    framework_files,
)
from agent_framework.cli.deployment.packaging.closures import Closure, closures_of
from agent_framework.cli.deployment.packaging.files import digest_of
from agent_framework.cli.deployment.packaging.interpreter import Python, find_python
from agent_framework.cli.deployment.packaging.locks import ensure_locks
from agent_framework.cli.deployment.packaging.model import (
    LAMBDA_LIMIT_BYTES,
    LAYER_ROOT,
    TASK_ROOT,
    Listener,
    Package,
    Progress,
    ignore,
)
from agent_framework.cli.deployment.packaging.sources import ProjectSources
from agent_framework.cli.deployment.packaging.state import bases_in_use, digest, record, recorded
from agent_framework.cli.deployment.packaging.uv import uv_program
from agent_framework.config.agent_config import AgentConfig
from agent_framework.config.loader import ConfigLoader, did_you_mean
from agent_framework.errors import ConfigError, PackagingError

STRATEGIES = ("zip", "layer", "image")
OUTPUT = ".agent-framework/packages"
"""Where packages lie, relative to the project, if nothing else is said."""

_CACHE = ".cache"


def build_packages(
    loader: ConfigLoader,
    *,
    agents: Collection[str] | None = None,
    strategy: str = "zip",
    output: Path | None = None,
    upgrade: bool = False,
    bundle_boto3: bool = False,
    bytecode: bool = True,
    progress: Listener = ignore,
) -> tuple[Package, ...]:
    """Build the packages of a project; those that would be made of the same as before are left as they are.

    Args:
        loader: the project, opened for a stage (of which only the agents' architecture matters).
        agents: names; None: all that become functions.
        strategy: ``zip``; ``layer`` (dependencies in a zip of their own); ``image`` (a folder with a Dockerfile).
        output: where to put them; default: `OUTPUT` in the project.
        upgrade: choose the newest versions instead of the locked ones.
        bundle_boto3: carry boto3, although Lambda has one.
        bytecode: compile for Lambda's Python.
        progress: told what is being done.

    Raises:
        ConfigError: an agent that there is not.
        MissingExtraError: uv is not installed.
        PackagingError: one of the packages cannot be built; none was written.
    """
    everyone = deployed_agents(loader)
    chosen = _chosen(everyone, agents)
    uv = uv_program()
    python = find_python(uv) if bytecode else None
    sources = ProjectSources(loader, everyone)
    shared = closures_of(loader, everyone.values(), bundle_boto3=bundle_boto3)
    needs = {agent.name: (shared[agent.name], sources.of(agent), sources.module_of(agent)) for agent in chosen}
    closures = dict.fromkeys(closure for closure, _, _ in needs.values())
    folder = loader.project_dir
    locks = ensure_locks(uv, folder, closures, upgrade=upgrade, listener=progress)
    root = LAYER_ROOT if strategy == "layer" else TASK_ROOT
    framework = digest_of(dict(framework_files().items()))
    inputs: list[Inputs] = []
    for agent in chosen:
        closure, files, module = needs[agent.name]
        base = base_key(closure, locks[closure], framework, python, root)
        whole = digest(str(FORMAT), base, strategy, closure.architecture, agent.type, str(module), digest_of(files))
        inputs.append(Inputs(agent, closure, files, module, base, whole))
    workshop = _Workshop(uv, python, folder, (output or folder / OUTPUT).resolve(), strategy, root, locks, progress)
    return workshop.build(inputs)


def _chosen(everyone: Mapping[str, AgentConfig], names: Collection[str] | None) -> list[AgentConfig]:
    unknown = [name for name in names or () if name not in everyone]
    if unknown:
        raise ConfigError(
            f"no agent {unknown[0]!r} becomes a function{did_you_mean(unknown[0], everyone)}; "
            f"there are: {', '.join(everyone)}"
        )
    return [agent for name, agent in everyone.items() if names is None or name in names]


@dataclass(frozen=True, slots=True)
class _Workshop:
    """Where packages are put together before they go to ``output``."""

    uv: str
    python: Python | None
    project_dir: Path
    output: Path
    strategy: str
    root: str
    locks: Mapping[Closure, str]
    progress: Listener

    def build(self, inputs: list[Inputs]) -> tuple[Package, ...]:
        known = {item.agent.name: self._known(item) for item in inputs}
        changed = [item for item in inputs if known[item.agent.name] is None]
        if not changed:
            return tuple(package for package in known.values() if package is not None)
        with _errors(self.output):
            built = self._build_changed(changed)
            forget_bases(self.output / _CACHE, bases_in_use(self.output))
        return tuple(known[item.agent.name] or built[item.agent.name] for item in inputs)

    def _known(self, item: Inputs) -> Package | None:
        return recorded(self.output, item.agent.name, inputs=item.digest)

    def _build_changed(self, changed: list[Inputs]) -> dict[str, Package]:
        bases = dict.fromkeys((item.base, item.closure) for item in changed)
        total = len(bases) + len(changed)
        self.output.mkdir(parents=True, exist_ok=True)
        made: dict[str, Base] = {}
        for done, (key, closure) in enumerate(bases):
            self.progress(Progress(f"preparing {closure.label}", done, total))
            made[key] = self._base(key, closure)
        staging = Path(tempfile.mkdtemp(prefix=".new-", dir=self.output))
        try:
            finished: list[tuple[Inputs, Package]] = []
            with ThreadPoolExecutor(os.cpu_count()) as threads:  # they wait for processes, and zlib lets go of the GIL
                running = [threads.submit(self._assemble, item, made[item.base], staging) for item in changed]
                for done, (item, future) in enumerate(zip(changed, running, strict=True), len(bases)):
                    self.progress(Progress(f"packaging {item.agent.name}", done, total))
                    package, unmeasured = future.result()
                    if unmeasured:
                        self.progress(Progress(f"{package.agent}: import not measured: {unmeasured}", note=True))
                    finished.append((item, package))
            self.progress(Progress("done", total, total))
            return {item.agent.name: self._put(item, package) for item, package in finished}
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _base(self, key: str, closure: Closure) -> Base:
        base = ensure_base(
            self.uv,
            self.output / _CACHE,
            key,
            closure=closure,
            lock=self.locks[closure],
            python=self.python,
            root=self.root,
            project_dir=self.project_dir,
        )
        if self.strategy != "image" and base.unzipped_bytes <= LAMBDA_LIMIT_BYTES:
            base.make_zip()
        return base

    def _assemble(self, item: Inputs, base: Base, staging: Path) -> tuple[Package, str | None]:
        return assemble(item, base, staging / item.agent.name, python=self.python, strategy=self.strategy)

    def _put(self, item: Inputs, package: Package) -> Package:
        """Move a package to its place; its record comes last."""
        note = self.output / f"{package.agent}.json"
        note.unlink(missing_ok=True)
        place = (
            self.output / ("images" if self.strategy == "image" else "") / package.path.with_stem(package.agent).name
        )
        place.parent.mkdir(exist_ok=True)
        if place.is_dir():
            shutil.rmtree(place)
        os.replace(package.path, place)
        layer = self._put_layer(item.closure, package.layer) if package.layer else None
        moved = replace(package, path=place, layer=layer)
        note.write_text(record(moved, output=self.output, inputs=item.digest, base=item.base), "utf-8")
        return moved

    def _put_layer(self, closure: Closure, source: Path) -> Path:
        target = self.output / "layers" / f"{closure.name}-{closure.architecture}.zip"
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(source, target.with_suffix(".new"))
        os.replace(target.with_suffix(".new"), target)
        return target


@contextmanager
def _errors(output: Path) -> Generator[None]:
    try:
        yield
    except OSError as exc:
        place = f" ({exc.filename})" if exc.filename else ""
        raise PackagingError(f"packages could not be written to {output}: {exc.strerror or exc}{place}") from exc
