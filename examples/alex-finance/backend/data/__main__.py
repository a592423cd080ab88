"""``python -m backend.data``: ``reset`` makes tables and users, ``migrate`` tables alone, ``show`` tells of a user."""

import argparse
import json
import sys

from agent_framework.core.environment import environment
from agent_framework.errors import AgentFrameworkError
from backend.portfolio.valuation import value

from .seed import FIRST_USER, SECOND_USER, seed
from .settings import PROJECT_DIR, open_store


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m backend.data", description="The portfolios' database.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("reset", help="make the tables, and the test users anew; other users stay")
    commands.add_parser("migrate", help="make the tables, or bring them up to date, and nothing else")
    show = commands.add_parser("show", help="print a user's valuation as JSON")
    show.add_argument("user", nargs="?", default=FIRST_USER)
    arguments = parser.parse_args()
    environment(PROJECT_DIR)
    store = open_store()
    try:
        if arguments.command == "reset":
            seed(store)
            print(f"{store.driver.place}: test users {FIRST_USER} and {SECOND_USER} are there")
        elif arguments.command == "migrate":
            applied = store.migrate()
            print(f"{store.driver.place}: {', '.join(applied) if applied else 'is up to date'}")
        else:
            print(json.dumps(value(store.portfolio(arguments.user)).to_dict(), indent=2))
    except AgentFrameworkError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
