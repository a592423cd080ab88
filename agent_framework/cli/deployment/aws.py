"""Calls to AWS from commands: one region, the credentials of this machine, one client per service, clear errors."""

from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

from agent_framework.errors import ProviderError
from agent_framework.infrastructure._aws import AwsService, error_code


class Aws:
    """``aws.call("sts", "get_caller_identity")``. boto3 is imported, and credentials are looked for, at the first call.

    Every call raises `ProviderError` with the service, the operation, AWS's answer and the remedy; `code` tells which.
    """

    def __init__(self, region: str) -> None:
        self.region = region
        self._services: dict[str, AwsService] = {}

    def call(self, service: str, operation: str, **arguments: Any) -> Any:
        """One operation, with its arguments as boto3 names them."""
        return self._service(service).run_here(operation, lambda client: getattr(client, operation)(**arguments))

    def pages(self, service: str, operation: str, **arguments: Any) -> Iterator[Any]:
        """All pages of an operation that answers in pages."""
        asked = self._service(service)
        pages: Iterator[Any] = asked.run_here(
            operation, lambda client: iter(client.get_paginator(operation).paginate(**arguments))
        )
        while (page := asked.run_here(operation, lambda _: next(pages, None))) is not None:
            yield page

    def endpoint(self, service: str) -> str:
        """The address that a service is called at."""
        address: str = self._service(service).run_here("address", lambda client: client.meta.endpoint_url)
        return address

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for service in self._services.values():
            service.close_here()

    def _service(self, name: str) -> AwsService:
        if name not in self._services:
            self._services[name] = AwsService(name, label=f"AWS {name}", region=self.region, threads=1)
        return self._services[name]


def code(error: ProviderError) -> str:
    """AWS's code of an error (``NoSuchBucket``, ``404``)."""
    return error_code(error.__cause__)
