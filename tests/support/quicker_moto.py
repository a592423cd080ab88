"""moto without work that it repeats for each request and that nothing here needs.

- It lists its own folder to know its modules: once is enough.
- It looks for every member of every answer under half a dozen names, for services whose answers are objects with names
  of their own. DynamoDB's are dictionaries that have the names of the wire already.
"""

from functools import cache
from typing import Any

import moto.backends
import pytest
from moto.core.serialize import ResponseSerializer

_modules = moto.backends.list_of_moto_modules
_get_value = ResponseSerializer.get_value


@cache
def _modules_once() -> frozenset[str]:
    return frozenset(_modules())


def _value(self: ResponseSerializer, value: Any, key: str, shape: Any) -> Any:
    if type(value) is dict and self.operation_model.service_model.service_name == "dynamodb":
        return value.get(key)
    return _get_value(self, value, key, shape)


def quicken(patch: pytest.MonkeyPatch) -> None:
    """Spare the moto of this process that work."""
    patch.setattr(moto.backends, "list_of_moto_modules", _modules_once)
    patch.setattr(ResponseSerializer, "get_value", _value)
