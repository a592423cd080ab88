"""Malformed configurations and events, as many as asked for, all from one seed.

``python -m tests.security.malformed --count 20000 --seed 1``: half of them are agents.yaml files, which are loaded and
validated; half are events, which the handlers of a worker and of an orchestrator are called with. Each ends as a valid
result or as an error of `AgentFrameworkError`'s tree; anything else is printed with what makes it again.
"""

import argparse
import asyncio
import json
import logging
import os
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from agent_framework import ConfigLoader, Project, orchestrator_handler, worker_handler
from agent_framework.core import base_handler
from agent_framework.core.project_check import check_project
from agent_framework.errors import AgentFrameworkError, ConfigError
from tests.security.corpus import events, yaml_files
from tests.support.projects import write_agent_file

PIECES = [
    b"{}", b"[]", b"null", b"-1", b"1e400", b"true", b"''", b"&a ", b"*a", b"!!x ", b"{{", b"]]", b"- ", b": ", b"? ",
    b"|", b">", b"\t", b"\x00", b"\xc2\x85", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\xff", "é".encode(), b"\n", b"  ",
    b"#", b"%", b"@", b"`", b'"', b"'", b"\\", b"---\n", b"...", b"<<: 1", b"9" * 50, b"[" * 40, b'"\\ud800"',
    b"input.a ==", b"name: x\n",
]  # fmt: skip
AGENT = """
from agent_framework import agent

@agent("only")
def only(job):
    return {"ok": True}
"""
PLACES = "{database: {provider: sqlite}, queue: {provider: local}, storage: {provider: local}}"
YAML = f"""
project: {{name: shop}}
agents: {{only: {{retry: {{max_attempts: 1}}}}}}
approvals: {{endpoint: true}}
stages: {{dev: {{infrastructure: {PLACES}}}}}
"""


@dataclass
class Tally:
    """What came of them: accepted, refused by which error, and what should not have happened."""

    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return self.accepted + self.refused.total() + len(self.failures)

    def note(self, what: str, attempt: Callable[[], object]) -> None:
        """Try one; ``what`` tells which it is."""
        try:
            attempt()
        except AgentFrameworkError as exc:
            if isinstance(exc, ConfigError) and not all(str(problem) for problem in exc.problems):
                self.failures.append(f"{what}: an error without words")
            self.refused[type(exc).__name__] += 1
        except Exception:
            self.failures.append(f"{what}\n{traceback.format_exc()}")
        else:
            self.accepted += 1


# -- agents.yaml -----------------------------------------------------------------------------------------------------


def malformed_file(chance: random.Random) -> bytes:
    """One agents.yaml: of the corpus, with pieces put in, or with a value replaced."""
    families = [*yaml_files.HOSTILE.values(), *yaml_files.LEGITIMATE.values()]
    if chance.random() < 0.4:
        data: Any = yaml_files.FULL
        for _ in range(chance.randint(1, 3)):
            path = chance.choice(yaml_files.places(data))
            data = yaml_files.replaced(data, path, chance.choice(events.JUNK))
        return json.dumps(data).encode()
    content = chance.choice(chance.choice(families))[:4000]
    for _ in range(chance.randint(0, 4)):
        start = chance.randint(0, len(content))
        end = min(len(content), start + chance.choice([0, 0, 1, 3, 20]))
        content = content[:start] + chance.choice(PIECES) + content[end:]
    return content


def try_file(folder: Path, content: bytes) -> None:
    """Load and validate it, for every stage that it has."""
    (folder / "agents.yaml").write_bytes(content)
    loader = ConfigLoader(folder)
    report = check_project(loader)
    assert all(str(problem) for problem in report.problems)
    for stage in ("dev", *loader.loaded.config.stages):
        ConfigLoader(folder, stage=stage)


# -- events ----------------------------------------------------------------------------------------------------------


def malformed_event(chance: random.Random) -> Any:
    """One event: of the corpus, or a good one in which values were replaced, put in, or taken out."""
    if chance.random() < 0.15:
        return chance.choice(chance.choice(list(events.HOSTILE.values())))
    event = chance.choice(chance.choice(list(events.GOOD.values())))
    for _ in range(chance.randint(1, 3)):
        event = _changed(chance, event)
    return event


def _changed(chance: random.Random, event: Any) -> Any:
    paths = yaml_files.places(event)
    path = chance.choice(paths)
    junk = chance.choice(events.JUNK)
    if isinstance(junk, (dict, list)) and chance.random() < 0.3:
        junk = json.dumps(junk)  # as the body of a request or message
    if chance.random() < 0.2:
        texts = [found for found in paths if isinstance(_at(event, found), str)]
        if texts:
            path = chance.choice(texts)
            text = _at(event, path)
            place = chance.randint(0, len(text))
            junk = f"{text[:place]}{chance.choice(events.JUNK)}{text[place + 1 :]}"
    return yaml_files.replaced(event, path, junk)


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        value = value[part]
    return value


class Context:
    """What Lambda hands over."""

    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def try_event(handler: Callable[[Any, Any], Any], event: Any) -> None:
    """Call the handler as Lambda does; what it answers must be what Lambda can send on."""
    answer = handler(event, Context())
    assert isinstance(answer, dict)
    json.dumps(answer, ensure_ascii=False, allow_nan=False).encode()
    assert "Traceback" not in json.dumps(answer)


@contextmanager
def handlers(folder: Path) -> Iterator[tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]]:
    """The handlers of an orchestrator and of a worker, over one project in ``folder``."""
    (folder / "agents.yaml").write_text(YAML, "utf-8")
    write_agent_file(folder, "only", AGENT)
    before = {name: os.environ.get(name) for name in ("LAMBDA_TASK_ROOT", "AGENT_FRAMEWORK_STAGE")}
    os.environ.update({"LAMBDA_TASK_ROOT": str(folder), "AGENT_FRAMEWORK_STAGE": "dev"})

    async def migrate() -> None:
        async with Project.open(folder, stage="dev", environ={}) as project:
            await project.db.migrate()

    asyncio.run(migrate())
    level = logging.getLogger().level
    logging.disable(logging.CRITICAL)
    try:
        yield orchestrator_handler("orchestrator"), worker_handler("only")
    finally:
        base_handler.end_process()
        logging.disable(logging.NOTSET)
        logging.getLogger().setLevel(level)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


# -- all of them -----------------------------------------------------------------------------------------------------


def try_files(folder: Path, count: int, seed: int) -> Tally:
    """So many malformed files."""
    tally = Tally()
    for number in range(count):
        content = malformed_file(random.Random(f"file {seed} {number}"))
        tally.note(f"file {number} of seed {seed}: {content[:300]!r}", partial(try_file, folder, content))
    return tally


def try_events(folder: Path, count: int, seed: int) -> Tally:
    """So many malformed events; afterwards the same process still answers good ones."""
    tally = Tally()
    with handlers(folder) as (orchestrator, worker):
        for number in range(count):
            chance = random.Random(f"event {seed} {number}")
            event = malformed_event(chance)
            handler = worker if chance.random() < 0.3 else orchestrator
            which = "worker" if handler is worker else "orchestrator"
            tally.note(
                f"event {number} of seed {seed} to the {which}: {event!r:.300}", partial(try_event, handler, event)
            )
        for handler in (orchestrator, worker):
            assert handler({"payload": {"still": "there"}}, Context())["ok"] is True
    return tally


def main() -> int:
    """Run it, print what came of it; 1 if something should not have happened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    failed = 0
    for what, run in (("configurations", try_files), ("events", try_events)):
        with tempfile.TemporaryDirectory() as folder:
            began = time.process_time()
            tally = run(Path(folder), options.count // 2, options.seed)
        refused = ", ".join(f"{name} {number}" for name, number in tally.refused.most_common())
        print(f"{what}: {tally.count}, accepted {tally.accepted}, refused {tally.refused.total()} ({refused})")
        print(f"  {time.process_time() - began:.0f} s of CPU")
        for failure in tally.failures[:10]:
            print(failure, file=sys.stderr)
        failed += len(tally.failures)
    print(f"malformed={options.count} tracebacks={failed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
