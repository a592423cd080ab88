"""The command `agent-framework` in processes of its own, which may be killed and stopped.

A new interpreter needs two seconds of work to import the Agents SDK, which a suite with hundreds of processes cannot
spend. These are forks of one process that has imported it: from `main` on they run what the installed command runs,
with an environment, a folder and output of their own. The tests of the documentation start the installed command.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import cache, partial
from multiprocessing.context import ForkServerContext
from pathlib import Path

_IMPORTED = ["agent_framework.cli.main", "agent_framework.core.runtime", "agents", "tests.support.commands"]


@cache
def _forks() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    return context


class Running:
    """A process that does ``work``; what it prints goes to the end of ``log``, errors to ``errors`` if given."""

    def __init__(
        self,
        work: Callable[[], None],
        *,
        log: Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        errors: Path | None = None,
    ) -> None:
        place = (str(cwd or Path.cwd()), dict(os.environ if env is None else env), str(log), str(errors or log))
        self._process = _forks().Process(target=_become, args=(work, *place))
        self._process.start()
        self.log = log

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """Its exit status, negative for a signal, or None while it runs."""
        return self._process.exitcode

    def printed(self) -> str:
        """What it printed so far."""
        return self.log.read_text("utf-8") if self.log.exists() else ""

    def wait(self, timeout_s: float = 60) -> int:
        """Wait for its end; the exit status."""
        self._process.join(timeout_s)
        status = self._process.exitcode
        assert status is not None, f"it still runs after {timeout_s} s: {self.printed()}"
        return status

    def terminate(self) -> None:
        """Ask it to end, with SIGTERM."""
        self._process.terminate()

    def kill(self) -> None:
        """End it at once, and wait for that."""
        self._process.kill()
        self._process.join()


def start(*arguments: str, log: Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Running:
    """Start ``agent-framework ARGUMENTS``."""
    return Running(partial(_command, arguments), log=log, cwd=cwd, env=env)


def run(
    *arguments: str, cwd: Path | None = None, env: Mapping[str, str] | None = None, timeout_s: float = 60
) -> "subprocess.CompletedProcess[str]":
    """Run ``agent-framework ARGUMENTS`` to its end, however that comes."""
    return finish(partial(_command, arguments), cwd=cwd, env=env, timeout_s=timeout_s)


def finish(
    work: Callable[[], None], *, cwd: Path | None = None, env: Mapping[str, str] | None = None, timeout_s: float = 60
) -> "subprocess.CompletedProcess[str]":
    """Do ``work`` in a process of its own, to its end."""
    with tempfile.TemporaryDirectory() as folder:
        log, errors = Path(folder) / "stdout", Path(folder) / "stderr"
        status = Running(work, log=log, errors=errors, cwd=cwd, env=env).wait(timeout_s)
        return subprocess.CompletedProcess(work, status, log.read_text("utf-8"), errors.read_text("utf-8"))


def script(text: str, *arguments: str) -> Callable[[], None]:
    """What ``python -c TEXT ARGUMENTS`` does, as work."""
    return partial(_script, text, arguments)


def _command(arguments: tuple[str, ...]) -> None:
    from agent_framework.cli.main import main

    sys.argv = ["agent-framework", *arguments]
    main()


def _script(text: str, arguments: tuple[str, ...]) -> None:
    sys.argv = ["-c", *arguments]
    exec(compile(text, "<script>", "exec"), {"__name__": "__main__"})


def _become(work: Callable[[], None], cwd: str, env: dict[str, str], log: str, errors: str) -> None:
    """Be the new process: its folder, its environment, and its output alone."""
    for path, stream in ((log, 1), (errors, 2)):
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(descriptor, stream)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    work()
