"""Named parameters (``:name``) of the scripts, rewritten for drivers; their SQL holds no ``:`` otherwise."""

import re
from functools import lru_cache

_NAMED = re.compile(r":([a-z_]+)")


@lru_cache(maxsize=512)
def names(sql: str) -> tuple[str, ...]:
    """The parameters of a statement, each once."""
    return tuple(dict.fromkeys(_NAMED.findall(sql)))


@lru_cache(maxsize=512)
def to_pyformat(sql: str) -> str:
    """``:name`` as ``%(name)s``."""
    return _NAMED.sub(r"%(\1)s", sql.replace("%", "%%"))
