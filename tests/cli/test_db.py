"""``db``: migrating a stage's database, and looking at its schema."""

import json
import sqlite3

import pytest

from agent_framework.cli import main

AGENTS = {"reader": "return {'words': 3}", "writer": "return {'said': 'hello'}"}


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setitem(main.COMMANDS, "db", "agent_framework.cli.db:db")


@pytest.fixture
def project(write_project):
    """A project whose reader has a column of its own."""
    folder = write_project(AGENTS)
    path = folder / "agents.yaml"
    config = path.read_text("utf-8")
    assert "reader:" in config
    path.write_text(config.replace("reader: {}", "reader: {outputs: {database_field: word_count}}"), "utf-8")
    return folder


def test_migrating_makes_the_tables_and_the_view(af, project):
    done = af("db", "migrate")
    assert done.code == 0, done.err
    assert "was migrated from version 0: schema version 2" in done.out
    assert done.out.rstrip().splitlines()[-1] == "next: agent-framework jobs list --stage local"
    again = af("db", "migrate")
    assert "is up to date: schema version 2" in again.out


def test_the_view_shows_each_jobs_outputs(af, project):
    af("db", "migrate")
    assert af("run", "--set", "a=1", "--offline").code == 0
    with sqlite3.connect(next(project.glob(".agent-framework/*.sqlite"))) as connection:
        rows = connection.execute("SELECT status, word_count FROM job_outputs").fetchall()
    connection.close()
    assert rows == [("completed", '{"words":3}')]


def test_the_status_tells_what_to_do_and_exits_with_1_until_it_is_done(af, project):
    before = af("db", "status")
    assert (before.code, before.err) == (1, "")
    assert "schema version 0, this version works with 2" in before.out
    assert "next: agent-framework db migrate --stage local" in before.out
    af("db", "migrate")
    after = af("db", "status")
    assert after.code == 0
    assert "schema version 2" in after.out


def test_json_is_one_document(af, project):
    done = json.loads(af("db", "migrate", "--json").out)
    assert (done["provider"], done["before"], done["version"], done["current"]) == ("sqlite", 0, 2, True)
    assert done["job_outputs"] == {"reader": "word_count"}
    status = json.loads(af("db", "status", "--json").out)
    assert (status["stage"], status["version"], status["expected"]) == ("local", 2, 2)


def test_a_newer_schema_is_told_and_left_alone(af, project):
    af("db", "migrate")
    with sqlite3.connect(next(project.glob(".agent-framework/*.sqlite"))) as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    status = af("db", "status")
    assert status.code == 1
    assert "upgrade the package" in status.out
    migrate = af("db", "migrate")
    assert migrate.code == 1
    assert "schema version 9" in migrate.err
