"""moto without work that it repeats for each request and that nothing here needs.

- It lists its own folder to know its modules, and its classes to know their methods: once is enough.
- It looks for every member of every answer under half a dozen names, for services whose answers are objects with names
  of their own. DynamoDB's are dictionaries that have the names of the wire already.
- It copies a whole table for each item of a transaction, to undo it if need be: the items themselves are enough.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import cache
from typing import Any

import moto.backends
import moto.core.responses
import pytest
from moto.core.serialize import ResponseSerializer
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table

_modules = moto.backends.list_of_moto_modules
_methods_once = cache(moto.core.responses.method_names_from_class)
_get_value = ResponseSerializer.get_value
_transact = DynamoDBBackend.transact_write_items


@cache
def _modules_once() -> frozenset[str]:
    return frozenset(_modules())


def _value(self: ResponseSerializer, value: Any, key: str, shape: Any) -> Any:
    if type(value) is dict and self.operation_model.service_model.service_name == "dynamodb":
        return value.get(key)
    return _get_value(self, value, key, shape)


def _transact_write_items(self: DynamoDBBackend, transact_items: Sequence[Mapping[str, Any]]) -> None:
    with _undone_if_it_fails(self.tables, transact_items):
        _transact(self, list(transact_items))


@contextmanager
def _undone_if_it_fails(tables: Mapping[str, Table], transact_items: Sequence[Mapping[str, Any]]) -> Iterator[None]:
    writes = [write for item in transact_items for write in item.values() if write["TableName"] in tables]
    before = [(place, key, deepcopy(place.get(key))) for place, key in (_place(tables, write) for write in writes)]
    try:
        yield
    except Exception:
        for place, key, item in before:
            if item is None:
                place.pop(key, None)
            else:
                place[key] = item
        raise


def _place(tables: Mapping[str, Table], write: Mapping[str, Any]) -> tuple[dict[Any, Any], DynamoType]:
    """Where the item of a write is or will be."""
    table, key = tables[write["TableName"]], write.get("Key") or write["Item"]
    items: Any = table.items
    first = DynamoType(key[table.hash_key_attr])
    return (items[first], DynamoType(key[table.range_key_attr])) if table.range_key_attr else (items, first)


def quicken(patch: pytest.MonkeyPatch) -> None:
    """Spare the moto of this process that work."""
    patch.setattr(moto.backends, "list_of_moto_modules", _modules_once)
    patch.setattr(moto.core.responses, "method_names_from_class", _methods_once)
    patch.setattr(ResponseSerializer, "get_value", _value)
    patch.setattr(DynamoDBBackend, "transact_write_items", _transact_write_items)
    patch.setattr(Table, "__deepcopy__", lambda table, memo: table, raising=False)
