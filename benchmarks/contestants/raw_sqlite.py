"""The limit: the records of a durable engine written by hand with sqlite3, WAL and synchronous=FULL.

``commit: step`` commits each step's start with the outcome before it, as an engine with one job must. ``commit: group``
commits once for all that is known together: the starts of a fan, its outcomes, and fifty jobs side by side.
"""

import sqlite3
import tempfile
import time

from benchmarks.contestants.turn import CHAIN, FAN, FIRST, THEN, answer, clock_starts, order

TABLES = """
CREATE TABLE jobs (id TEXT PRIMARY KEY, status TEXT, input TEXT, due_at REAL) WITHOUT ROWID;
CREATE TABLE attempts (job TEXT, agent TEXT, state TEXT, outcome TEXT, PRIMARY KEY (job, agent)) WITHOUT ROWID;
CREATE TABLE results (job TEXT, agent TEXT, payload TEXT, PRIMARY KEY (job, agent)) WITHOUT ROWID;
"""
STEPS = {"chain": [[name] for name in CHAIN], "fan": [FAN], "jobs": [[FIRST], THEN]}


class Writer:
    """One connection; ``commit`` is called where a record must be durable before the work goes on."""

    def __init__(self, path: str, *, each: bool) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; {TABLES}")
        self._each = each
        self.connection.execute("BEGIN")

    def commit(self) -> None:
        """What was written is durable."""
        self.connection.execute("COMMIT")
        self.connection.execute("BEGIN")

    def submit(self, job: str) -> None:
        """A job is stored."""
        self.connection.execute("INSERT INTO jobs VALUES (?, 'pending', '{\"n\": 1}', 0)", (job,))

    def start(self, job: str, agents: "list[str] | tuple[str, ...]") -> None:
        """A step's attempts are stored before they run."""
        self.connection.executemany(
            "INSERT INTO attempts VALUES (?, ?, 'started', NULL)", [(job, agent) for agent in agents]
        )

    def settle(self, job: str, agents: "list[str] | tuple[str, ...]") -> None:
        """Outcomes are stored, one by one where each is committed alone."""
        for agent in agents:
            self.connection.execute(
                "UPDATE attempts SET state = 'succeeded', outcome = '{}' WHERE job = ? AND agent = ?", (job, agent)
            )
            self.connection.execute("INSERT INTO results VALUES (?, ?, '{\"ok\": true}')", (job, agent))
            if self._each and len(agents) > 1:
                self.commit()

    def finish(self, job: str) -> None:
        """The job is over."""
        self.connection.execute("UPDATE jobs SET status = 'completed' WHERE id = ?", (job,))

    def settings(self) -> dict[str, str | int]:
        """How durable the connection is, as SQLite answers."""
        return {
            name: self.connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
        }


def run(writer: Writer, jobs: list[str], steps: "list[list[str]]") -> None:
    """Jobs side by side, step after step, a commit at each point where they wait for each other."""
    for job in jobs:
        writer.submit(job)
    writer.commit()
    for step in steps:
        for job in jobs:
            writer.start(job, step)
        writer.commit()
        for job in jobs:
            writer.settle(job, step)
    for job in jobs:
        writer.finish(job)
    writer.commit()


def main() -> None:
    """One turn."""
    given = order()
    group = given["commit"] == "group"
    with tempfile.TemporaryDirectory() as folder:
        writer = Writer(f"{folder}/raw.sqlite", each=not group)
        side_by_side = given["at_once"] if group else 1
        names = [str(n) for n in range(given["jobs"])]
        run(writer, ["warm"], STEPS[given["workload"]])
        begun = clock_starts()
        for n in range(0, len(names), side_by_side):
            run(writer, names[n : n + side_by_side], STEPS[given["workload"]])
        seconds = time.perf_counter() - begun
        answer(given, seconds, versions={"sqlite": sqlite3.sqlite_version}, settings=writer.settings())
        writer.connection.close()


if __name__ == "__main__":
    main()
