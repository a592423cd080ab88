"""Templates: text files under ``cli/templates``, in which ``{{name}}`` stands for a value.

On disk each file ends in ``.tmpl``, so that no tool takes it for code of this package, and ``dot_`` at the beginning
of a file's name stands for a dot.
"""

import re
import textwrap
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable

_PLACEHOLDER = re.compile(r"\{\{([a-z_]+)\}\}")
_SUFFIX = ".tmpl"
_WIDTH = 120


def render(text: str, values: Mapping[str, str]) -> str:
    """``text`` with every ``{{name}}`` replaced; a name without a value is a KeyError, a fault of the template."""
    return _PLACEHOLDER.sub(lambda found: values[found.group(1)], text)


def render_folder(folder: str, values: Mapping[str, str]) -> dict[str, str]:
    """Texts by path, of all templates below ``templates/<folder>``."""
    root = files("agent_framework.cli").joinpath("templates", *folder.split("/"))
    return {path: render(text, values) for path, text in sorted(_walk(root, ""))}


def render_file(path: str, values: Mapping[str, str]) -> str:
    """One template, ``path`` without its suffix."""
    source = files("agent_framework.cli").joinpath("templates", *f"{path}{_SUFFIX}".split("/"))
    return render(source.read_text(encoding="utf-8"), values)


def docstring(text: str, indent: str = "") -> str:
    """``text`` as a Python docstring that is indented by ``indent`` and no wider than a line may be."""
    return f'{indent}"""{in_quotes(text, indent=indent, first=3, last=3)}"""'


def in_quotes(text: str, *, indent: str = "", first: int = 0, last: int = 0) -> str:
    """``text`` as it may stand between triple quotes, wrapped.

    ``first`` and ``last`` are the columns that are taken on the first and the last line; where the text needs several
    lines and ``last`` is not 0, it ends with a line of its own for the quotes.
    """
    safe = text.replace("\\", "\\\\").replace('"', "'")
    room = _WIDTH - len(indent)
    if len(safe) + first + last <= room:
        return safe
    lines = textwrap.wrap(" " * first + safe, room, drop_whitespace=True, break_on_hyphens=False)
    joined = f"\n{indent}".join([lines[0].lstrip(), *lines[1:]])
    return f"{joined}\n{indent}" if last else joined


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_SUFFIX):
            name = entry.name.removesuffix(_SUFFIX)
            shown = f".{name.removeprefix('dot_')}" if name.startswith("dot_") else name
            yield f"{prefix}{shown}", entry.read_text(encoding="utf-8")
