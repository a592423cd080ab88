"""Database credentials in AWS Secrets Manager, in the form that RDS writes and rotates."""

import json
import threading
from typing import Any

from agent_framework.errors import ProviderError
from agent_framework.infrastructure._aws import AwsService
from agent_framework.observability.redaction import remember
from agent_framework.types import JSONDict, is_object


class DatabaseSecret:
    """One secret, read when it is first needed and again when a login fails. ``client`` is a boto3 client."""

    def __init__(self, name: str, region: str | None, *, client: Any = None) -> None:
        self.name = name
        self._service = AwsService(
            "secretsmanager", label=f"secret {name}", client=client, region=region or _region(name), threads=1
        )
        self._lock = threading.Lock()
        self._value: JSONDict | None = None

    def read(self, *, fresh: bool = False) -> JSONDict:
        """``{"username", "password", "host", ...}``; blocks on the network.

        Raises:
            ProviderError: it cannot be read or is no JSON object.
        """
        with self._lock:
            if self._value is None or fresh:
                self._value = self._fetch()
            return self._value

    def _fetch(self) -> JSONDict:
        answer = self._service.run_here("get_secret_value", lambda client: client.get_secret_value(SecretId=self.name))
        try:
            value: Any = json.loads(answer.get("SecretString") or "null")
        except ValueError:
            value = None
        if not is_object(value):
            raise ProviderError(f"secret {self.name} holds no JSON object with username and password, as RDS writes it")
        password: Any = value.get("password")
        remember(password if isinstance(password, str) else None)
        return value


def _region(name: str) -> str | None:
    """The region in an ARN."""
    return name.split(":")[3] if name.startswith("arn:") and name.count(":") >= 6 else None
