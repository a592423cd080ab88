"""The program terraform: found, its version checked, run on a stage's data folder, interrupted gently.

It runs in a session of its own, so that Ctrl-C reaches it once, through us: one SIGINT makes it finish what it has
begun and store the state, a second one would make it stop dead.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent_framework.cli.deployment.diagnostics import Diagnostic, described, diagnostic_of, read_line
from agent_framework.cli.deployment.log import CommandLog
from agent_framework.cli.scaffolding.terraform import TERRAFORM_DIR
from agent_framework.errors import DeploymentError
from agent_framework.types import JSONDict

OLDEST = (1, 10)
"""The first version that locks an S3 state without a DynamoDB table."""

_INSTALL = "https://developer.hashicorp.com/terraform/install"
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_NOT_OURS = ("TF_WORKSPACE", "TF_CLI_ARGS")

Listener = Callable[[JSONDict], None]


def find_terraform() -> str:
    """The path of a terraform that is new enough.

    Raises:
        DeploymentError: there is none, or it is too old.
    """
    wanted = ".".join(map(str, OLDEST))
    program = shutil.which("terraform")
    if program is None:
        raise DeploymentError(f"terraform is not installed, or not on the PATH; install {wanted} or newer: {_INSTALL}")
    command = [program, "version", "-json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.SubprocessError) as exc:
        raise DeploymentError(f"{program} cannot be run ({exc}); install terraform anew: {_INSTALL}") from exc
    found = re.search(r"(\d+)\.(\d+)\.\d+", done.stdout)
    if found is None:
        raise DeploymentError(f"{program} does not tell its version; is it terraform? Install it from {_INSTALL}")
    if tuple(map(int, found.groups())) < OLDEST:
        raise DeploymentError(f"{program} is terraform {found[0]}; {wanted} or newer is needed: {_INSTALL}")
    return program


@dataclass(slots=True)
class Ended:
    """How one command of terraform ended."""

    code: int
    diagnostics: list[Diagnostic] = field(default_factory=list[Diagnostic])
    others: list[str] = field(default_factory=list[str])
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Terraform:
    """terraform for one stage of one project; what it says goes to ``log``.

    ``variables`` are set as ``TF_VAR_...``, which a root module that does not declare them ignores.
    """

    program: str
    project_dir: Path
    data_dir: Path
    log: CommandLog
    environ: Mapping[str, str]
    variables: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def plan_file(self) -> Path:
        """Where a plan is saved."""
        return self.data_dir / "saved.tfplan"

    def init(self, backend: Mapping[str, str]) -> None:
        """Fetch what is needed, and connect to the state."""
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        options = [f"-backend-config={name}={value}" for name, value in backend.items()]
        self._must(self.run("init", "-json", *options), "terraform could not be set up")

    def plan(self, *, var_files: Sequence[Path] = (), destroy: bool = False) -> JSONDict | None:
        """Save a plan and return its JSON form; None if nothing would change."""
        options = [f"-var-file={path.resolve()}" for path in var_files]
        options += ["-destroy"] if destroy else []
        ended = self.run("plan", "-json", "-detailed-exitcode", f"-out={self.plan_file}", *options)
        if ended.code == 0:
            return None
        if ended.code != 2 or ended.interrupted:  # 2 says that there are changes
            self._must(ended, "there is no plan, and nothing was changed")
        return self._read("show", "-json", str(self.plan_file))

    def apply(self, listen: Listener, *, on_interrupt: Callable[[], None]) -> Ended:
        """Apply the saved plan and nothing else; the caller looks at how it ended."""
        return self.run("apply", "-json", str(self.plan_file), listen=listen, on_interrupt=on_interrupt)

    def outputs(self) -> dict[str, Any]:
        """The root module's outputs."""
        return {name: item["value"] for name, item in self._read("output", "-json").items()}

    def failure(self, ended: Ended, what: str) -> DeploymentError:
        """The error for a command that did not succeed: what terraform said, and the log that has all of it."""
        said = described(ended.diagnostics, str(self.data_dir))
        said = said or "\n".join(line for line in ended.others[-8:] if line.strip()) or f"exit code {ended.code}"
        return DeploymentError(f"{what}\n{said}\n  log: {self.log.path}")

    def run(
        self,
        command: str,
        *options: str,
        listen: Listener | None = None,
        on_interrupt: Callable[[], None] | None = None,
    ) -> Ended:
        """One command, its output read line by line; SIGINT and SIGTERM are passed on once, and then waited for."""
        self.log.write(f"$ terraform {command} {' '.join(options)}")
        ended = Ended(0)
        with subprocess.Popen(
            self._command(command, *options),
            cwd=self.project_dir,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        ) as process:
            assert process.stdout is not None
            with _signals_passed_on(process, ended, on_interrupt):
                for line in process.stdout:
                    self._hear(line.rstrip("\n"), ended, listen)
                ended.code = process.wait()
        if ended.interrupted and command != "apply":
            raise KeyboardInterrupt
        return ended

    def _hear(self, line: str, ended: Ended, listen: Listener | None) -> None:
        message = read_line(line)
        if message is None:
            self.log.write(line)
            ended.others.append(line)
            return
        found = diagnostic_of(message)
        self.log.write(_COLOURS.sub("", str(message.get("@message", line))))
        if found is not None:
            self.log.write(f"  {found.address or found.place}\n  {found.detail}")
            ended.diagnostics.append(found)
        if listen is not None:
            listen(message)

    def _read(self, command: str, *options: str) -> Any:
        done = subprocess.run(
            self._command(command, *options),
            cwd=self.project_dir,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            self.log.write(done.stderr)
            raise DeploymentError(f"terraform {command} failed: {done.stderr.strip()}\n  log: {self.log.path}")
        return json.loads(done.stdout)

    def _must(self, ended: Ended, what: str) -> None:
        if ended.code != 0:
            raise self.failure(ended, what)

    def _command(self, command: str, *options: str) -> list[str]:
        return [self.program, f"-chdir={self.project_dir / TERRAFORM_DIR}", *command.split(), *options]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in self.environ.items() if not name.startswith(_NOT_OURS)}
        given = {f"TF_VAR_{name}": value for name, value in self.variables.items()}
        ours = {"TF_DATA_DIR": str(self.data_dir), "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
        return {**kept, **given, **ours}


@contextmanager
def _signals_passed_on(
    process: subprocess.Popen[str], ended: Ended, on_interrupt: Callable[[], None] | None
) -> Generator[None, None, None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def pass_on(number: int, frame: object) -> None:
        if not ended.interrupted:
            ended.interrupted = True
            process.send_signal(signal.SIGINT)
            if on_interrupt is not None:
                on_interrupt()

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def process_environment() -> Mapping[str, str]:
    """The environment that terraform inherits: this process's, into which the project's ``.env`` was read."""
    return os.environ
