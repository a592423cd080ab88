"""How an instance's process comes to be: a new interpreter, or a fork of one that has imported what all functions do.

A fork saves the second that an interpreter takes for its imports, which a suite of hundreds of instances cannot spend;
the code that runs afterwards is the same, AWS's runtime client from its first line.

``python -m tests.support.lambda_starts`` is the process that forks: one line of JSON in, the child's id out.
"""

import importlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from agent_framework.infrastructure._boto3 import new_session

RUNTIME_CLIENT = "awslambdaric"
_IMPORTED = (  # not the runtime client, which reads the environment when it is imported
    "agent_framework.core.base_handler",
    "agent_framework.infrastructure.database.dynamodb",
    "agent_framework.infrastructure.queue.sqs",
    "agent_framework.infrastructure.storage.s3",
    "boto3.session",
    "botocore.client",
    "botocore.endpoint",
    "botocore.handlers",
    "botocore.loaders",
    "agents",
)


class Process(Protocol):
    """What an instance asks of its process."""

    pid: int

    def is_alive(self) -> bool:
        """It has not ended."""
        ...

    def kill(self) -> None:
        """End it at once, as Lambda ends an instance."""
        ...


class Starter(Protocol):
    """Starts ``python -m awslambdaric handler`` in a folder; what it prints goes to the end of ``log``."""

    def start(self, handler: str, folder: Path, environ: Mapping[str, str], log: Path) -> Process:
        """Start one."""
        ...

    def close(self) -> None:
        """Nothing more is started."""
        ...


class NewInterpreter:
    """Starts processes of ``python``, an interpreter that has ``awslambdaric``."""

    def __init__(self, python: str) -> None:
        self._python = python

    def start(self, handler: str, folder: Path, environ: Mapping[str, str], log: Path) -> Process:
        with log.open("ab") as output:
            return _Started([self._python, "-m", RUNTIME_CLIENT, handler], folder, environ, output.fileno())

    def close(self) -> None:
        pass


class _Started:
    def __init__(self, command: list[str], folder: Path, environ: Mapping[str, str], output: int) -> None:
        self._process = subprocess.Popen(
            command, cwd=folder, env=dict(environ), stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )
        self.pid = self._process.pid

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)


class Forks:
    """Starts processes as forks of one that is warm, with this interpreter."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.support.lambda_starts"]
        self._warm = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._turn = threading.Lock()

    def start(self, handler: str, folder: Path, environ: Mapping[str, str], log: Path) -> Process:
        assert self._warm.stdin is not None
        assert self._warm.stdout is not None
        order = {"handler": handler, "folder": str(folder), "environ": dict(environ), "log": str(log)}
        with self._turn:
            self._warm.stdin.write(json.dumps(order) + "\n")
            self._warm.stdin.flush()
            return _Forked(int(self._warm.stdout.readline()))

    def close(self) -> None:
        assert self._warm.stdin is not None
        assert self._warm.stdout is not None
        self._warm.stdin.close()
        self._warm.wait(10)
        self._warm.stdout.close()


class _Forked:
    """A process that is not our child: watched by a descriptor of it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._descriptor = os.pidfd_open(pid)

    def is_alive(self) -> bool:
        if self._descriptor < 0:
            return False
        if not select.select([self._descriptor], [], [], 0)[0]:
            return True
        os.close(self._descriptor)
        self._descriptor = -1
        return False

    def kill(self) -> None:
        if self.is_alive():
            signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
            select.select([self._descriptor], [], [], 10)
            self.is_alive()


def serve() -> None:
    """Fork a process for each order, until the orders end."""
    for module in _IMPORTED:
        importlib.import_module(module)
    _read_services()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            become(**order)
        print(pid, flush=True)


def _read_services() -> None:
    """What boto3 reads from disk for the clients that all functions make."""
    session = new_session("the tests")
    for service in ("dynamodb", "lambda", "s3", "sqs"):
        session.client(service, region_name="us-east-1").close()


def become(handler: str, folder: str, environ: dict[str, str], log: str) -> None:
    """Be a new instance: its environment and folder, and nothing of this process's input and output."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, stream in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, stream)
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    sys.path[:] = [folder, *sys.path]
    code = 1
    try:
        runtime = importlib.import_module(f"{RUNTIME_CLIENT}.__main__")
        runtime.main([RUNTIME_CLIENT, handler])
        code = 0
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
