"""Bedrock's ConverseStream as bytes: AWS's event stream encoding."""

import json
import struct
import zlib
from typing import Any

Json = dict[str, Any]


def aws_events(answer: Json, *, stop_after: int | None = None, error: tuple[str, str] | None = None) -> list[bytes]:
    """A Converse answer as encoded events, each block in two deltas.

    Args:
        answer: what ``converse`` would have answered.
        stop_after: only so many events, as if the connection was lost.
        error: code and message of an exception that ends the stream.
    """
    events: list[tuple[str, Json]] = [("messageStart", {"role": "assistant"})]
    for index, block in enumerate(answer["output"]["message"]["content"]):
        if "toolUse" in block:
            start = {name: block["toolUse"][name] for name in ("toolUseId", "name")}
            events.append(("contentBlockStart", {"contentBlockIndex": index, "start": {"toolUse": start}}))
        deltas = [{"contentBlockIndex": index, "delta": delta} for delta in _deltas(block)]
        events += [("contentBlockDelta", delta) for delta in deltas]
        events.append(("contentBlockStop", {"contentBlockIndex": index}))
    events.append(("messageStop", {"stopReason": answer["stopReason"]}))
    events.append(("metadata", {"usage": answer["usage"], "metrics": answer["metrics"]}))
    encoded = [_aws_event("event", name, payload) for name, payload in events][:stop_after]
    if error:
        code, message = error
        encoded.append(_aws_event("exception", code, {"message": message}))
    return encoded


def _deltas(block: Json) -> list[Json]:
    if "toolUse" in block:
        return [{"toolUse": {"input": half}} for half in _halves(json.dumps(block["toolUse"]["input"]))]
    if "reasoningContent" in block:
        told = block["reasoningContent"]["reasoningText"]
        return [{"reasoningContent": {name: told[name]}} for name in told]
    return [{"text": half} for half in _halves(block["text"])]


def _halves(text: str) -> list[str]:
    return [text[: len(text) // 2], text[len(text) // 2 :]]


def _aws_event(kind: str, name: str, payload: Json) -> bytes:
    """One message of AWS's event stream: lengths, checksum, headers, payload, checksum."""
    names = {":message-type": kind, f":{kind}-type": name, ":content-type": "application/json"}
    headers = b"".join(
        bytes([len(key)]) + key.encode() + b"\x07" + struct.pack("!H", len(value)) + value.encode()
        for key, value in names.items()
    )
    body = json.dumps(payload).encode()
    prelude = struct.pack("!II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + headers + body
    return message + struct.pack("!I", zlib.crc32(message))
