"""boto3 sessions that share what botocore has read of AWS's services."""

import threading
from typing import Any

from agent_framework._optional import require

_lock = threading.Lock()
_loader: Any = None


def new_session(needed_for: str) -> Any:
    """A boto3 session of its own: the default one is not safe to use from several threads.

    What takes long when a client is made is reading its service's description (a DynamoDB client: 50 ms of CPU, 8 ms
    when it has been read), so all sessions of a process read each of them once.

    Args:
        needed_for: what needs boto3, for the error.

    Raises:
        MissingExtraError: boto3 is not installed.
    """
    global _loader
    boto3: Any = require("boto3", extra="aws", needed_for=needed_for)
    botocore_session: Any = require("botocore.session", extra="aws", needed_for=needed_for)
    botocore: Any = botocore_session.get_session()
    with _lock:
        if _loader is None:
            _loader = botocore.get_component("data_loader")
        else:
            botocore.register_component("data_loader", _loader)
        return boto3.session.Session(botocore_session=botocore)
