"""A project whose agent writes into the world, which is a file: one line for each effect, with its idempotency key.

`Shop` runs it in processes of its own, which can be killed at a crash point.
"""

import asyncio
import json
import os
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from agent_framework import Job, Project
from agent_framework.core.approval import Approval
from tests.support import commands
from tests.support.projects import write_agent_file, yaml_of

T = TypeVar("T")
CLERK = """
import os
from pathlib import Path

from agent_framework import BaseAgent, agent, tool

WORLD = Path(__file__).with_name("world.txt")


@tool({options})
def refund(order_id: str, amount: int, request: str = "") -> dict:
    \"\"\"Pay an order back.\"\"\"
    with WORLD.open("a") as world:
        world.write(f"{{order_id}} {{amount}} {{request}}\\n")
    return {{"paid": amount}}


@agent("clerk")
class Clerk(BaseAgent):
    \"\"\"Pays one order back.\"\"\"

    tools = [refund]
    offline_arguments = {{"refund": {{"order_id": "o-1", "amount": 5}}}}

    def offline_answer(self, turn):
        return str(dict(turn.tool_results))
"""
LAST = """
from agent_framework import agent

@agent("last")
def last(job):
    return {"ok": True}
"""
KEYED = 'writes=True, key=("order_id",), idempotency_key="request"'
KEYLESS = 'writes=True, key=("order_id",)'
APPROVED = f"{KEYED}, needs_approval=True"


class Shop:
    """The project in ``folder``; ``options`` are those of its tool."""

    def __init__(self, folder: Path, options: str) -> None:
        self.folder = folder
        retry = {"retry": {"initial_seconds": 0.01, "jitter": False}}
        (folder / "agents.yaml").write_text(
            yaml_of({"clerk": retry, "last": retry}, {"strategy": "sequential"}, more="llm: {provider: offline}"),
            "utf-8",
        )
        write_agent_file(folder, "clerk", CLERK.format(options=options))
        write_agent_file(folder, "last", LAST)

    @property
    def effects(self) -> list[list[str]]:
        """What happened in the world: order, amount, key."""
        world = self.folder / "backend" / "agents" / "clerk" / "world.txt"
        return [line.split() for line in world.read_text("utf-8").splitlines()] if world.exists() else []

    def command(self, *arguments: str, crash_at: str = "") -> subprocess.CompletedProcess[str]:
        """Run the command to its end, however that comes."""
        environ = {**os.environ, "AGENT_FRAMEWORK_CRASH_AT": crash_at}
        return commands.run(*arguments, "--project", str(self.folder), env=environ)

    def told(self, *arguments: str) -> Any:
        """What the command answers as JSON."""
        ran = self.command(*arguments, "--json")
        assert ran.stdout, ran.stderr
        return json.loads(ran.stdout)

    def job(self) -> Job:
        """The one job there is."""
        [job] = self._ask(lambda project: project.db.list_jobs())
        return job

    def waits_for(self) -> Sequence[Approval]:
        """The approvals that wait."""
        return self._ask(lambda project: project.approvals.list())

    def approve(self) -> Approval:
        """Approve the one call that waits."""
        [approval] = self.waits_for()
        return self._ask(lambda project: project.approvals.approve(approval.id, by="kim"))

    def _ask(self, work: Callable[[Project], Awaitable[T]]) -> T:
        async def run() -> T:
            async with Project.open(self.folder, environ={}) as project:
                return await work(project)

        return asyncio.run(run())
