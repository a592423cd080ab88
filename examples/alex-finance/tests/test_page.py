"""The page of a job: complete, self-contained, and made of text whatever people and models call things."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest
from backend.data.seed import FIRST_USER, SECOND_USER
from backend.data.settings import PROJECT_DIR, open_store
from backend.data.store import Store
from backend.page.markdown import to_html
from backend.page.render import render_page
from backend.page.stored import StoredJob, read_job
from backend.portfolio.valuation import value
from backend.portfolio.values import User
from backend.trial import offline_project, portfolios_in
from support import position

EVIL = '<img src=x onerror=alert(1)>"&'


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with portfolios_in(tmp_path):
        yield open_store()


def stored_job(folder: Path, user_id: str) -> StoredJob:
    async def run() -> StoredJob:
        async with offline_project(folder) as project:
            job = await project.run({}, user_id=user_id)
            return await read_job(project, job.id)

    return asyncio.run(run())


class Tags(HTMLParser):
    """The tags and addresses of a page; whether every element was closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        if tag in ("meta", "br", "hr"):
            self.open.pop()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_has_every_part_and_loads_nothing(store: Store, tmp_path: Path):
    stored = stored_job(tmp_path, SECOND_USER)
    page = render_page(stored, value(store.portfolio(SECOND_USER)))
    tags = Tags(page)
    assert not {"script", "img", "link", "iframe", "object", "a"} & set(tags.tags)
    assert tags.addresses == []
    assert tags.open == []
    assert page.count("<svg ") == 6
    assert re.sub(r' xmlns="[^"]*"', "", page).count("http://") == 0
    for part in ("Executive summary", "Recommendations", "Charts", "Retirement", "Plan and timings", "$44,490.50"):
        assert part in page


def test_the_plan_tells_why_each_agent_ran_and_how_long(store: Store, tmp_path: Path):
    stored = stored_job(tmp_path, SECOND_USER)
    runs = {run.agent: run for run in stored.runs}
    assert list(runs)[:2] == ["planner", "tagger"]
    assert set(runs) == {"planner", "tagger", "reporter", "charter", "retirement"}
    assert runs["tagger"].why == "unclassified_instruments: len(results.planner.unclassified) > 0"
    assert all(run.state == "succeeded" and run.seconds is not None for run in runs.values())


def test_names_that_are_markup_stay_text(store: Store, tmp_path: Path):
    store.put_user(User("evil", EVIL, 20, Decimal(40_000)))
    account = store.add_account("evil", EVIL, purpose=EVIL, cash=Decimal(5))
    for symbol in ("SPY", "BND"):
        store.put_position(account, position(symbol, "1"))
    page = render_page(stored_job(tmp_path, "evil"), value(store.portfolio("evil")))
    tags = Tags(page)
    assert "img" not in tags.tags
    assert tags.handlers == []
    assert "&lt;img src=x" in page


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "![x](https://e.com/x.png)", "[x](javascript:alert(1))", "<https://e.com>"]
)
def test_markdown_gives_no_address_and_no_markup_of_its_own(text: str):
    tags = Tags(to_html(text))
    assert set(tags.tags) <= {"p"}


def test_a_failed_job_has_a_page_that_says_so(store: Store, tmp_path: Path):
    store.put_user(User("someone", "Someone"))
    page = render_page(stored_job(tmp_path, "someone"), value(store.portfolio("someone")))
    assert "The job failed:" in page
    assert "has no accounts" in page


def test_the_demonstration_ends_with_the_page_s_path():
    command = [sys.executable, "-m", "backend.demo"]
    done = subprocess.run(command, cwd=PROJECT_DIR, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    page = Path(lines[-1])
    assert page.is_absolute()
    assert page.name == f"{FIRST_USER}.html"
    assert "<h2>Charts</h2>" in page.read_text("utf-8")
    assert "  tagger      Tagged: 1 instruments, Updated: ['VTI'], valid" in done.stdout
    assert done.stdout.count(", valid (") == 9
    assert "INVALID" not in done.stdout


def test_commands_tell_errors_in_one_line(tmp_path: Path):
    command = [sys.executable, "-m", "backend.data", "show", "nobody"]
    place = {"ALEX_DATABASE": str(tmp_path / "alex.sqlite"), "PATH": ""}
    done = subprocess.run(command, cwd=PROJECT_DIR, env=place, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: SQLite file")
    assert done.stderr.count("\n") == 1


def test_a_page_of_an_older_job_says_that_the_portfolio_was_changed(store: Store, tmp_path: Path):
    stored = stored_job(tmp_path, FIRST_USER)
    store.add_account(FIRST_USER, "New", cash=Decimal(100))
    assert "were changed after this job" in render_page(stored, value(store.portfolio(FIRST_USER)))
