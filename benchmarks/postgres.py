"""``python -m benchmarks.postgres``: jobs a second on a real PostgreSQL, eight connections, each commit synced."""

import sys

from benchmarks.command import main
from benchmarks.options import Options
from benchmarks.rounds import Contestant, ratio, take_turns
from benchmarks.table import Goal, Table
from tests.support.postgres import PASSWORD, USER, PostgresServer

OURS, PEER = "agent_framework", "dbos"
CONNECTIONS = 8
DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "shared_buffers": "128MB"}


def contestants(server: PostgresServer, options: Options) -> list[Contestant]:
    """Both with a database of their own."""
    order = {"workload": "jobs", "at_once": 50}
    where = {"host": server.host, "port": server.port, "user": USER, "password": PASSWORD, "database": "ours"}
    url = f"postgresql://{USER}:{PASSWORD}@{server.host}:{server.port}/theirs"
    ours = {**order, "jobs": options.size(200), "postgres": {**where, "pool_max": CONNECTIONS}}
    theirs = {**order, "jobs": options.size(50), "url": url, "pool": CONNECTIONS}
    return [Contestant(OURS, "ours", ours), Contestant(PEER, "dbos_engine", theirs, peer=True)]


def measure(options: Options) -> Table:
    """Let both take turns on one server."""
    server = PostgresServer(DURABLE)
    server.start()
    try:
        for name in ("ours", "theirs"):
            server.create_database(name)
        found = take_turns(contestants(server, options), options)
        settings = [f"{name}={server.query(f'SHOW {name}')[0][0]}" for name in DURABLE]
        version = server.query("SHOW server_version")[0][0]
    finally:
        server.stop()
    return Table(
        f"Engine on PostgreSQL {version}, {CONNECTIONS} connections, agents that do nothing",
        ["engine", "jobs of 1 then 3, a second", "us a step"],
        [[name, one.shown("jobs_s"), one.shown("step_us")] for name, one in found.items()],
        [
            Goal(
                "jobs a second, times dbos",
                ratio(found[OURS], found[PEER], "jobs_s") if PEER in found else None,
                12,
                at_least=True,
            )
        ],
        [f"settings read back: {', '.join(settings)}"],
    )


if __name__ == "__main__":
    sys.exit(main("postgres", measure))
