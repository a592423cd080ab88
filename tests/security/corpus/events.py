"""Events that functions are sent: good ones of every kind, and what is put into them to make them wrong."""

import json
from typing import Any

JOB = "0b8f2f0e-2f5a-4f0c-9a51-6c7a5d1f3e77"
APPROVAL = "0123456789abcdef0123"
PERFORM: dict[str, Any] = {"type": "perform", "job_id": JOB, "run": 1, "seq": 1, "agent": "only", "number": 1}
ADVANCE: dict[str, Any] = {"type": "advance", "job_id": JOB}


def _sqs(*bodies: str) -> dict[str, Any]:
    records = [
        {
            "messageId": f"m-{number}", "receiptHandle": "r", "body": body, "eventSource": "aws:sqs",
            "attributes": {"ApproximateReceiveCount": "1"}, "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:q",
        }
        for number, body in enumerate(bodies)
    ]  # fmt: skip
    return {"Records": records}


def _http2(method: str, path: str = "/", **more: Any) -> dict[str, Any]:
    return {"version": "2.0", "rawPath": path, "headers": {}, "requestContext": {"http": {"method": method}}, **more}


def _http1(method: str, path: str = "/", **more: Any) -> dict[str, Any]:
    return {"httpMethod": method, "path": path, "headers": {"Host": "x"}, "requestContext": {}, **more}


_FORM = {"headers": {"Content-Type": "application/x-www-form-urlencoded"}}
GOOD: dict[str, list[Any]] = {
    "sqs": [
        _sqs(json.dumps(ADVANCE)), _sqs(json.dumps(PERFORM)), _sqs(json.dumps({"job_id": JOB}), json.dumps(ADVANCE)), _sqs(),
        _sqs(json.dumps({"detail-type": "job", "source": "agent-framework", "id": "e", "detail": ADVANCE})),
    ],
    "http": [
        _http2("POST", body='{"topic": "tea"}'), _http1("POST", body='{"topic": "tea"}'), _http2("GET", pathParameters={"job_id": JOB}),
        _http2("POST", body="eyJhIjogMX0=", isBase64Encoded=True), _http1("GET", queryStringParameters={"job_id": JOB}),
        _http2("POST", body="{}", headers={"Idempotency-Key": "k"}), _http2("DELETE"),
        _http2("POST", body="{}", requestContext={"http": {"method": "POST"}, "authorizer": {"jwt": {"claims": {"sub": "ann"}}}}),
        _http2("GET", f"/approvals/{APPROVAL}", queryStringParameters={"token": "t"}),
        _http2("POST", f"/approvals/{APPROVAL}", body="decision=approve&token=t&shown=s", **_FORM),
        _http1("POST", f"/approvals/{APPROVAL}", body='{"decision": "approve", "token": "t"}'),
    ],
    "bus": [
        {"detail-type": "OrderPlaced", "source": "shop", "id": "e-1", "detail": {"order": 7}},
        {"detail-type": "job", "source": "agent-framework", "id": "e-2", "detail": PERFORM},
        {"detail-type": "job", "source": "agent-framework", "id": "e-3", "detail": {"job_id": JOB}},
    ],
    "direct": [
        PERFORM, ADVANCE, {"type": "sweep"}, {"job_id": JOB},
        {"agent": "only", "action": "write", "payload": {"n": 1}, "context": {"user_id": "ann", "session_id": "s"}},
        {"action": "x", "payload": {"job_id": JOB}}, {"payload": {}},
        {
            "version": "1.0", "requestContext": {"requestId": "r-1", "condition": "RetriesExhausted"},
            "requestPayload": PERFORM, "responsePayload": {"errorMessage": "Task timed out"},
        },
    ],
}  # fmt: skip
"""By who sends them."""


def _nested(depth: int, value: Any) -> Any:
    for _ in range(depth):
        value = [value] if depth % 2 else {"a": value}
    return value


JUNK: list[Any] = [
    None, True, False, 0, 1, -1, 2**31, 2**63, -(2**63) - 1, 10**400, 0.5, -0.0, 1e308, float("nan"), float("inf"), "", " ", "0",
    "\x00", "a\x00b", "\ud800", "\udfff x", "\ufffe", "\uffff", "\u202e", "é" * 300, "x" * 70_000, "../../etc/passwd", "' OR 1=1 --",
    "{{7*7}}", "[]", "{", "{}", "null", "NaN", '{"a": NaN}', '{"\\ud800": 1}', "[1]", '"x"', "eyJ", "%%%", "====", "=" * 9, JOB,
    [], [None], [[]], [{}], ["x"] * 50, {}, {"": None}, {"a": {"b": []}}, {"\ud800": 1}, {"__class__": "x"}, {"job_id": "\x00"},
    {"type": "perform"}, {"type": "migrate "}, {"Records": []}, PERFORM, ADVANCE, _nested(150, 1), _nested(151, 1), _nested(300, 1),
    _nested(500, 1), "[" * 5000, '{"a":' * 5000 + "1" + "}" * 5000, list(range(200)), {str(n): n for n in range(100)}, {"session_id": ["x"]}, {"session_id": "\n"}, {"user_id": {}},
]  # fmt: skip
"""What is put in the place of a value; all of it can come out of a JSON text."""

HOSTILE: dict[str, list[Any]] = {
    "no objects": [None, True, 0, 1.5, "", "x", [], [1], [{}], ["Records"], 10**400, "\ud800"],
    "of nobody": [
        {}, {"a": 1}, {"type": "dance"}, {"type": "perform "}, {"type": ["perform"]}, {"job_id": 3}, {"job_id": None}, {"": ""},
        {"Type": "sweep"}, {"event": {"type": "sweep"}}, {"source": "aws.events"}, {"detail": {}}, {"httpMethod": 3}, {"\ud800": 1},
        {"requestContext": {"http": {"method": None}}}, {"requestContext": {}}, {"requestContext": "x"},
    ],
    "batches that are none of SQS": [
        {"Records": value}
        for value in (None, 1, "x", {}, {"a": 1}, [None], [1], [[]], [{}], [{"eventSource": "aws:s3"}], [{"body": "{}"}])
    ]
    + [
        {"Records": [{"eventSource": source, "messageId": message_id, "body": body}]}
        for source, message_id, body in (
            ("aws:sns", "m", "{}"), ("aws:kinesis", "m", "{}"), ("aws:sqs", 1, "{}"), ("aws:sqs", None, "{}"), ("aws:sqs", "m", None),
            ("aws:sqs", "m", {}), ("aws:sqs", "m", 5), (None, "m", "{}"), ("AWS:SQS", "m", "{}"), ("aws:sqs", ["m"], "{}"),
        )
    ],
    "requests of a wrong form": [
        {"action": "x", "payload": value} for value in (1, "x", [1], True, 0.5)
    ]
    + [{"action": "x", "context": value} for value in (1, "x", [1], True)]
    + [{"action": "x", "agent": value} for value in (1, [], {}, True, ["only"])],
    "messages of a wrong form": [
        {**PERFORM, field: value}
        for field, value in (
            ("job_id", None), ("job_id", 3), ("run", "1"), ("run", None), ("seq", 1.5), ("seq", []), ("agent", None), ("agent", 7),
            ("number", "1"), ("number", None), ("number", 1.5), ("run", 2**63), ("seq", 10**400), ("number", -(2**70)),
        )
    ],
}  # fmt: skip
_RECORD = {"requestContext": {"requestId": "r"}, "requestPayload": PERFORM}
HOSTILE["records in records"] = [
    {"requestContext": {"requestId": "r"}, "requestPayload": {"type": "perform", **_RECORD}},
    {"requestContext": {"requestId": 3}, "requestPayload": PERFORM},
    {"requestContext": {"requestId": "r"}, "requestPayload": {"type": "perform"}},
]
"""Events that are refused with a `ConfigError`, whatever function they come to."""
