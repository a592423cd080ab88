"""The approvals of a stage as pages on this machine: loopback only, for whoever has a link with a token.

Requests of other hosts' pages are refused by their Host and Origin headers.
"""

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from agent_framework.core.announcing import link_to
from agent_framework.core.approval import Approval
from agent_framework.core.approval_page import HEADERS, Page, approval_page
from agent_framework.core.approvals import Approvals
from agent_framework.errors import AgentFrameworkError, ApprovalError

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
_MOST_BODY = 20_000
_FORM = "application/x-www-form-urlencoded"
_ANSWER_S = 30.0


class ApprovalServer:
    """Serves `approval_page` until it is closed; requests are answered on the event loop that opened it.

    ``decided`` is told the job of each decision.
    """

    def __init__(self, approvals: Approvals, *, port: int = 0, decided: Callable[[str], Any] | None = None) -> None:
        self._approvals = approvals
        self._decided = decided
        self._linked: set[str] = set()
        self._loop = asyncio.get_running_loop()
        self._server = ThreadingHTTPServer((LOOPBACK, port), type("Handler", (_Handler,), {"pages": self}))
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, name="approvals", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{LOOPBACK}:{self._server.server_port}"

    async def new_links(self) -> list[tuple[Approval, str]]:
        """Questions that wait and have no link of this server yet, each with a new one."""
        links: list[tuple[Approval, str]] = []
        for approval in await self._approvals.list():
            if approval.id not in self._linked:
                self._linked.add(approval.id)
                try:
                    token = await self._approvals.issue_token(approval.id)
                except ApprovalError:
                    continue
                links.append((approval, link_to(self.url, approval.id, token)))
        return links

    async def close(self) -> None:
        """Stop answering."""
        await asyncio.to_thread(self._server.shutdown)
        self._server.server_close()
        await asyncio.to_thread(self._thread.join)

    def answer(self, method: str, approval_id: str, fields: dict[str, str]) -> Page:
        """Called from the server's threads."""
        return asyncio.run_coroutine_threadsafe(self._answer(method, approval_id, fields), self._loop).result(_ANSWER_S)

    async def _answer(self, method: str, approval_id: str, fields: dict[str, str]) -> Page:
        page = await approval_page(self._approvals, method, approval_id, fields)
        if page.job_id is not None and self._decided is not None:
            await self._decided(page.job_id)
        return page


class _Handler(BaseHTTPRequestHandler):
    """One request; `ApprovalServer` makes a subclass that knows it."""

    pages: ClassVar[ApprovalServer]
    server_version, sys_version = "approvals", ""
    timeout = 10

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self._answer("GET", parts.path, dict(parse_qsl(parts.query)))

    def do_POST(self) -> None:
        length = self.headers.get("content-length", "")
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not length.isdecimal() or int(length) > _MOST_BODY or kind != _FORM:
            self._send(HTTPStatus.BAD_REQUEST, "the form's fields are missing or too long")
            return
        body = self.rfile.read(int(length)).decode("utf-8", "replace")
        self._answer("POST", urlsplit(self.path).path, dict(parse_qsl(body)))

    def _answer(self, method: str, path: str, fields: dict[str, str]) -> None:
        root, _, approval_id = path.rpartition("/")
        if not self._is_from_here():
            self._send(HTTPStatus.FORBIDDEN, "another host's request")
        elif root != "/approvals":
            self._send(HTTPStatus.NOT_FOUND, "nothing here")
        else:
            self._page(method, approval_id, fields)

    def _is_from_here(self) -> bool:
        host = self.pages.url.removeprefix("http://")
        hosts = (host, host.replace(LOOPBACK, "localhost"))
        origin = self.headers.get("origin")
        return self.headers.get("host") in hosts and origin in (None, *(f"http://{known}" for known in hosts))

    def _page(self, method: str, approval_id: str, fields: dict[str, str]) -> None:
        try:
            page = self.pages.answer(method, approval_id, fields)
        except (AgentFrameworkError, TimeoutError) as exc:
            logger.error("an approval's page could not be answered: %s", exc)
            self._send(HTTPStatus.SERVICE_UNAVAILABLE, "not now; try again")
            return
        self._send(page.status, page.html)

    def _send(self, status: HTTPStatus, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        for name, value in {**HEADERS, "content-length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gives it
        """Nothing: a logged address would hold a token."""
