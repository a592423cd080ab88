"""The page behind an approval's link: on this machine and by the deployed function. A GET never decides."""

import asyncio
import html
import re
from collections.abc import Awaitable, Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from agent_framework import Project
from agent_framework.core.approval import Approval, ApprovalState
from agent_framework.core.approval_server import ApprovalServer
from agent_framework.core.lambda_approvals import ApprovalsRole
from agent_framework.core.lambda_events import read_event
from agent_framework.core.lambda_orchestrator import OrchestratorRole
from agent_framework.core.lambda_process import Invocation
from agent_framework.errors import ConfigError
from tests.support.projects import open_project

FORM = {"content-type": "application/x-www-form-urlencoded"}


class Answer:
    """An answer of the server."""

    def __init__(self, status: int, headers: dict[str, str], text: str) -> None:
        self.status, self.headers, self.text = status, headers, text


class Page:
    """A question, its link, and requests about it."""

    def __init__(self, project: Project, approval: Approval, link: str) -> None:
        self.project, self.approval, self.link = project, approval, link
        self.decided: list[str] = []

    async def ask(self, method: str, *, path: str = "", body: str = "", **headers: str) -> Answer:
        parts = urlsplit(self.link)

        def send() -> Answer:
            connection = HTTPConnection(parts.netloc, timeout=10)
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path or f"{parts.path}?{parts.query}", body.encode() or None, named)
            got = connection.getresponse()
            answer = Answer(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read().decode())
            connection.close()
            return answer

        return await asyncio.to_thread(send)

    async def post(self, fields: dict[str, str], **headers: str) -> Answer:
        return await self.ask("POST", path=urlsplit(self.link).path, body=urlencode(fields), **FORM, **headers)

    async def fields(self) -> dict[str, str]:
        """The form's hidden fields."""
        text = (await self.ask("GET")).text
        return {name: html.unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]+)"', text)}

    async def state(self) -> ApprovalState:
        return (await self.project.approvals.get(self.approval.id)).state


def with_page(test: Callable[[Page], Awaitable[None]]) -> Callable[[Path], None]:
    """A test with a served question."""

    def run(tmp_path: Path) -> None:
        async def work() -> None:
            async with open_project(tmp_path, {"a": dict}, settings={"a": {"needs_approval": True}}) as project:
                job = await project.run({}, user_id="<b>kim</b>")
                told: list[str] = []

                async def decided(job_id: str) -> None:
                    told.append(job_id)

                server = ApprovalServer(project.approvals, decided=decided)
                try:
                    [(approval, link)] = await server.new_links()
                    assert await server.new_links() == []
                    page = Page(project, approval, link)
                    page.decided = told
                    await test(page)
                finally:
                    await server.close()
                assert approval.job_id == job.id

        asyncio.run(work())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@with_page
async def test_row_33_a_get_shows_the_question_and_never_decides(page) -> None:
    shown = await page.ask("GET")
    assert (shown.status, await page.state()) == (200, ApprovalState.PENDING)
    assert "Allow start of agent a?" in shown.text
    assert "&lt;b&gt;kim&lt;/b&gt;" in shown.text
    assert "<b>kim" not in shown.text
    assert "<script" not in shown.text
    decide = await page.ask("GET", path=f"{urlsplit(page.link).path}?{urlsplit(page.link).query}&decision=approve")
    assert (decide.status, await page.state()) == (200, ApprovalState.PENDING)


@with_page
async def test_the_pages_headers_forbid_scripts_frames_and_caches(page) -> None:
    headers = (await page.ask("GET")).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    wanted = {"cache-control": "no-store", "referrer-policy": "same-origin", "x-content-type-options": "nosniff"}
    assert wanted.items() <= headers.items()


@with_page
async def test_a_post_of_the_form_decides_once(page) -> None:
    fields = await page.fields()
    assert fields["shown"] == page.approval.arguments_hash
    done = await page.post({**fields, "decision": "reject", "reason": "not now"})
    assert (done.status, await page.state(), page.decided) == (200, ApprovalState.REJECTED, [page.approval.job_id])
    again = await page.post({**fields, "decision": "approve"})
    assert (again.status, await page.state()) == (409, ApprovalState.REJECTED)


@with_page
async def test_row_36_other_hosts_and_origins_are_refused(page) -> None:
    fields = {**await page.fields(), "decision": "approve"}
    port = urlsplit(page.link).port
    for headers in ({"host": "evil.example"}, {"host": f"evil.example:{port}"}, {"origin": "https://evil.example"}):
        assert (await page.post(fields, **headers)).status == 403
        assert (await page.ask("GET", **headers)).status == 403
    assert (await page.post(fields, origin="null")).status == 403
    assert await page.state() is ApprovalState.PENDING
    assert (await page.post(fields, origin=f"http://127.0.0.1:{port}")).status == 200


@with_page
async def test_row_33_without_the_right_token_there_is_nothing(page) -> None:
    path = urlsplit(page.link).path
    for wrong in (path, f"{path}?token=guess", "/approvals/" + "0" * 20, "/approvals/..%2f..", "/", "/etc/passwd"):
        assert (await page.ask("GET", path=wrong)).status == 404
    assert (await page.post({"decision": "approve"})).status == 404
    assert (await page.post({"decision": "approve", "token": "guess"})).status == 404
    fields = await page.fields()
    assert (await page.post({**fields, "decision": "approve", "shown": "of others"})).status == 409
    assert (await page.post({**fields, "decision": "perhaps"})).status == 400
    assert (await page.ask("POST", path=path, body="x" * 30_000, **FORM)).status == 400
    assert (await page.ask("POST", path=path, body="{}", content_type="application/json")).status == 400
    assert await page.state() is ApprovalState.PENDING
    refused = [record["refused"] for record in await page.project.approvals.history(page.approval.id)]
    assert refused == ["ApprovalNotFoundError"] * 4 + ["ApprovalChangedError"]


def http(method: str, path: str, *, query: dict[str, str] | None = None, body: str = "", kind: str = "") -> Any:
    return read_event(
        {
            "version": "2.0",
            "rawPath": path,
            "headers": {"Content-Type": kind},
            "queryStringParameters": query or {},
            "requestContext": {"http": {"method": method}},
            "body": body,
        }
    )


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "application/json"])
def test_the_orchestrators_function_answers_by_link_where_the_project_says_so(tmp_path: Path, kind: str) -> None:
    async def work() -> None:
        settings = {"a": {"needs_approval": True}}
        async with open_project(
            tmp_path, {"a": dict}, settings=settings, more="approvals: {endpoint: true}"
        ) as project:
            job = await project.run({})
            [approval] = await project.approvals.of_job(job.id)
            token = await project.approvals.issue_token(approval.id)
            role, path = OrchestratorRole("boss", project), f"/prod/approvals/{approval.id}"
            invocation = Invocation(None)
            shown = await role.answer(http("GET", path, query={"token": token}), invocation)
            assert (shown["statusCode"], shown["headers"]["referrer-policy"]) == (200, "same-origin")
            in_address = http("POST", path, query={"token": token, "decision": "approve"}, kind=kind)
            assert (await role.answer(in_address, invocation))["statusCode"] in (400, 404)
            fields = {"token": token, "decision": "approve", "shown": approval.arguments_hash}
            body = urlencode(fields) if kind.endswith("urlencoded") else str(fields).replace("'", '"')
            done = await role.answer(http("POST", path, body=body, kind=kind), invocation)
            assert done["statusCode"] == 200
            [message] = await project.queue.receive(1, wait_s=0)
            assert message.body == {"type": "advance", "job_id": job.id}

    asyncio.run(work())


def test_the_function_with_the_public_url_answers_links_and_takes_nothing_else(tmp_path: Path) -> None:
    async def work() -> None:
        async with open_project(tmp_path, {"a": dict}, settings={"a": {"needs_approval": True}}) as project:
            job = await project.run({})
            [approval] = await project.approvals.of_job(job.id)
            token = await project.approvals.issue_token(approval.id)
            role, path, invocation = ApprovalsRole("approvals", project), f"/approvals/{approval.id}", Invocation(None)
            fields = {"token": token, "decision": "approve", "shown": approval.arguments_hash}
            shown = await role.answer(http("GET", path, query=fields), invocation)
            assert shown["statusCode"] == 200
            assert (await project.approvals.get(approval.id)).is_pending, "a GET never decides"
            for request in (http("GET", "/"), http("POST", "/", body='{"topic": "tea"}'), http("POST", "/jobs")):
                assert (await role.answer(request, invocation))["statusCode"] == 404
            for event in ({"type": "sweep"}, {"type": "migrate"}, {"action": "run"}, {"job_id": job.id}):
                with pytest.raises(ConfigError, match="and nothing else"):
                    await role.answer(read_event(event), invocation)
            kind = FORM["content-type"]
            done = await role.answer(http("POST", path, body=urlencode(fields), kind=kind), invocation)
            assert done["statusCode"] == 200
            [message] = await project.queue.receive(1, wait_s=0)
            assert message.body == {"type": "advance", "job_id": job.id}
            assert [found.id for found in await project.db.list_jobs()] == [job.id]

    asyncio.run(work())


def test_without_the_setting_the_function_has_no_such_page_and_takes_no_job_from_it(tmp_path: Path) -> None:
    async def work() -> None:
        async with open_project(tmp_path, {"a": dict}) as project:
            role = OrchestratorRole("boss", project)
            for method in ("GET", "POST"):
                request = http(method, "/approvals/" + "0" * 20, body='{"decision": "approve"}')
                answer = await role.answer(request, Invocation(None))
                assert answer["statusCode"] == 404
            assert await project.db.list_jobs() == []

    asyncio.run(work())
