"""``python -m backend.demo``: from nothing to the page of each test user, offline; ``make demo-alex`` runs it.

1. a new folder with an empty database  2. tables, instruments, test users  3. a job for each user, by the rules
4. each payload checked from outside  5. the page
"""

import asyncio
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from backend.context import valuation_of
from backend.data.seed import FIRST_USER, SECOND_USER
from backend.data.settings import PROJECT_DIR, open_store
from backend.page.render import render_page
from backend.page.stored import StoredJob, read_job
from backend.payloads import AGENTS, problems
from backend.portfolio.money import dollars
from backend.portfolio.valuation import Valuation
from backend.trial import offline_project, portfolios_in

FOLDER = PROJECT_DIR / ".agent-framework" / "demo"


async def _job(folder: Path, user_id: str) -> StoredJob:
    async with offline_project(folder) as project:
        job = await project.run({}, user_id=user_id, job_type="portfolio_analysis")
        return await read_job(project, job.id)


def _demo(folder: Path, user_id: str) -> bool:
    """One user's job and page; whether all went well."""
    stored = asyncio.run(_job(folder, user_id))
    valuation = valuation_of(stored.job, open_store())
    print(f"\n{valuation.portfolio.user.name} ({user_id}), {dollars(valuation.total)}")
    lines = list(_lines(stored, valuation))
    for line, _ in lines:
        print(f"  {line}")
    page = folder / f"{user_id}.html"
    page.write_text(render_page(stored, valuation), "utf-8")
    print(f"  page        {page.resolve()}")
    return stored.job.status == "completed" and all(is_valid for _, is_valid in lines)


def _lines(stored: StoredJob, valuation: Valuation) -> Iterator[tuple[str, bool]]:
    """A line for each agent, and whether its payload is valid."""
    seconds = {run.agent: run.seconds or 0.0 for run in stored.runs}
    for agent in AGENTS:
        payload = stored.job.agent_results.get(agent)
        if payload is None:
            yield f"{agent:<11} not needed", True
            continue
        wrong = problems(agent, payload, valuation)
        verdict = f"INVALID: {'; '.join(wrong)}" if wrong else "valid"
        yield f"{agent:<11} {_made(agent, payload)}, {verdict} ({seconds[agent]:.2f} s)", not wrong
    if stored.job.error_message:
        yield f"failed      {stored.job.error_message}", False


def _made(agent: str, payload: dict[str, Any]) -> str:
    """What an agent made, in a few words."""
    if agent == "planner":
        return (
            f"{len(payload['unclassified'])} to classify, {payload['positions']} positions, {payload['total']} dollars"
        )
    if agent == "tagger":
        return f"Tagged: {payload['tagged']} instruments, Updated: {payload['updated']}"
    if agent == "reporter":
        return f"Report of {len(payload['content']):,} characters"
    if agent == "charter":
        return f"Generated {len(payload)} charts"
    return f"goal reached in {payload['success_rate']} % of {payload['assumptions']['runs']:,} runs"


def main() -> int:
    """Run the demonstration."""
    start = time.monotonic()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    print("alex-finance, offline: no model is called, prices are the reference data's")
    with portfolios_in(FOLDER):
        went_well = [_demo(FOLDER, user_id) for user_id in (SECOND_USER, FIRST_USER)]
    outcome = "all payloads valid" if all(went_well) else "NOT all payloads valid"
    print(f"\n{outcome}, {time.monotonic() - start:.1f} s; open in a browser:\n{FOLDER.resolve() / FIRST_USER}.html")
    return 0 if all(went_well) else 1


if __name__ == "__main__":
    sys.exit(main())
