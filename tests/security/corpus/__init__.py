"""Hostile and legitimate input, in families: each module has HOSTILE and LEGITIMATE, lists by the family's name.

A family is a list that somebody wrote, or what a rule makes of such a list. `count_of` counts what is different.
"""

from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


def count_of(families: Mapping[str, Iterable[T]]) -> int:
    """How many different ones there are in all families."""
    return len({item for family in families.values() for item in family})


def quoted(text: str) -> str:
    """``text`` in YAML's double quotes; everything that is not plain ASCII as an escape."""
    return (
        '"'
        + "".join(char if " " <= char <= "~" and char not in '"\\' else f"\\U{ord(char):08x}" for char in text)
        + '"'
    )
