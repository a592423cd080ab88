"""The page behind an approval's link, for the loopback server and the deployed function alike. No scripts.

A GET shows the question and never decides. A POST with the token in its body decides. Without the right token, both
answer as if there were nothing.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from http import HTTPStatus

from agent_framework.core.approval import Approval
from agent_framework.core.approvals import MOST_REASON, Approvals
from agent_framework.errors import ApprovalError, ApprovalNotFoundError, ConfigError

BY_LINK = "somebody with the link"
_STYLE = "body{font:16px/1.5 sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}pre{white-space:pre-wrap}"
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    ),
    "cache-control": "no-store",
    "referrer-policy": "same-origin",  # with no-referrer, browsers would post the form from the origin "null"
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Page:
    """An answer: its HTML, and the job that a decision has set going."""

    status: HTTPStatus
    html: str
    job_id: str | None = None


async def approval_page(approvals: Approvals, method: str, approval_id: str, fields: Mapping[str, str]) -> Page:
    """Answer a request; ``fields`` are the query of a GET, the form of a POST."""
    try:
        if method == "GET":
            token = fields.get("token", "")
            return _page(HTTPStatus.OK, *_question(await approvals.opened(approval_id, token), token))
        if method == "POST":
            return await _decide(approvals, approval_id, fields)
    except ApprovalNotFoundError:
        return _page(HTTPStatus.NOT_FOUND, "Nothing here", "<p>There is no such question, or the link is wrong.</p>")
    except (ApprovalError, ConfigError) as exc:
        return _page(HTTPStatus.CONFLICT, "Nothing was decided", f"<p>{escape(str(exc))}</p>")
    return _page(HTTPStatus.METHOD_NOT_ALLOWED, "Nothing here", "<p>Use the page's form.</p>")


async def _decide(approvals: Approvals, approval_id: str, fields: Mapping[str, str]) -> Page:
    decision = {"approve": approvals.approve, "reject": approvals.reject}.get(fields.get("decision", ""))
    if decision is None:
        return _page(HTTPStatus.BAD_REQUEST, "Nothing was decided", "<p>The form says approve or reject.</p>")
    reason = fields.get("reason", "").strip() or None
    token, shown = fields.get("token", ""), fields.get("shown", "")
    decided = await decision(approval_id, by=BY_LINK, reason=reason, token=token, shown=shown)
    page = _page(HTTPStatus.OK, f"It is {decided.state}", "<p>You can close this page.</p>")
    return Page(page.status, page.html, decided.job_id)


def _question(approval: Approval, token: str) -> tuple[str, str]:
    shown = [f"<p>Job {escape(approval.job_id)}, user {escape(approval.user_id)}.</p>"]
    if approval.tool is not None:
        shown.append(f"<h2>Arguments</h2><pre>{_json(approval.arguments)}</pre>")
    if approval.preview is not None:
        shown.append(f"<h2>What it would do</h2><pre>{_json(approval.preview)}</pre>")
    if not approval.is_pending:
        return f"{approval.subject}: {approval.state}", "".join(shown)
    return f"Allow {approval.subject}?", "".join([*shown, _form(approval, token)])


def _json(value: object) -> str:
    return escape(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def _form(approval: Approval, token: str) -> str:
    hidden = {"token": token, "shown": approval.arguments_hash}
    inputs = "".join(f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in hidden.items())
    return (
        f'<form method="post" action="{escape(approval.id)}">{inputs}'
        f'<p><label>Reason <input name="reason" size="60" maxlength="{MOST_REASON}"></label></p>'
        '<p><button name="decision" value="approve">Approve</button> '
        '<button name="decision" value="reject">Reject</button></p></form>'
    )


def _page(status: HTTPStatus, title: str, body: str) -> Page:
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    return Page(
        status,
        f'<!doctype html><html lang="en"><head>{head}<style>{_STYLE}</style></head>'
        f"<body><h1>{escape(title)}</h1>{body}</body></html>",
    )
