"""A copy of the example in a folder of its own, and its command in processes of their own."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support import commands

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "alex-finance"
_MODULE = """
import os, runpy, sys
sys.path.insert(0, os.getcwd())
runpy.run_module("backend", run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True)
class Alex:
    """The copy in ``folder``."""

    folder: Path

    @classmethod
    def copy_to(cls, folder: Path) -> "Alex":
        """A copy without what earlier runs left."""
        shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".agent-framework", "__pycache__", "terraform"))
        return cls(folder)

    def environ(self, **more: str) -> Mapping[str, str]:
        """An environment that says nothing about databases or keys."""
        ours = ("ALEX_", "POLYGON_", "AGENT_FRAMEWORK_")
        return {**{name: text for name, text in os.environ.items() if not name.startswith(ours)}, **more}

    def backend(self, *arguments: str, timeout_s: float = 100, **env: str) -> "subprocess.CompletedProcess[str]":
        """``python -m backend ARGUMENTS``, to its end."""
        work = commands.script(_MODULE, *arguments)
        return commands.finish(work, cwd=self.folder, env=self.environ(**env), timeout_s=timeout_s)

    def data(self, *arguments: str, **env: str) -> str:
        """``python -m backend.data ARGUMENTS``, which has to go well; what it printed."""
        work = commands.script(_MODULE.replace('"backend"', '"backend.data"'), *arguments)
        done = commands.finish(work, cwd=self.folder, env=self.environ(**env))
        assert done.returncode == 0, done.stderr
        return done.stdout

    def worker(self, log: str = "worker.log") -> commands.Running:
        """A worker of stage local, offline."""
        return commands.start(
            "worker", "--offline", "--sweep", "0.2", log=self.folder / log, cwd=self.folder, env=self.environ()
        )

    def resume(self, job_id: str) -> commands.Running:
        """``agent-framework run --resume JOB``, offline."""
        return commands.start(
            "run", "--offline", "--resume", job_id, log=self.folder / "run.log", cwd=self.folder, env=self.environ()
        )

    def framework(self, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
        """``agent-framework ARGUMENTS``, to its end."""
        return commands.run(*arguments, cwd=self.folder, env=self.environ(**env))


def after_import(folder: Path, agent: str, code: str) -> None:
    """Let an agent of a copy do something more when it is imported."""
    file = folder / "backend" / "agents" / agent / "agent.py"
    file.write_text(f"{file.read_text('utf-8')}\n\n{code}", "utf-8")
