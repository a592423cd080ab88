"""Writes the tables of inputs and outputs into the modules' READMEs: ``python -m tests.terraform.readmes``."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.terraform.support import MODULES

_BLOCK = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
_BEGIN = "<!-- begin: made from variables.tf and outputs.tf by `python -m tests.terraform.readmes` -->"
_END = "<!-- end -->"


def blocks(module: Path) -> Iterator[tuple[str, str, str]]:
    """Kind, name and body of each variable and output."""
    for file in ("variables.tf", "outputs.tf"):
        yield from _BLOCK.findall((module / file).read_text())


def attribute(body: str, name: str) -> str | None:
    """An attribute's text in one line; what stands in braces or brackets is shortened to its kind."""
    found = re.search(rf"^  {name}\s*= (.*)$", body, re.MULTILINE)
    return found.group(1).strip() if found else None


def readme(module: Path) -> str:
    """The README as it should be: the text before the mark stays, the tables follow."""
    head = (module / "README.md").read_text().partition(_BEGIN)[0].rstrip()
    found = list(blocks(module))
    inputs = ["| input | type | default | |", "|---|---|---|---|"]
    outputs = ["| output | |", "|---|---|"]
    for kind, name, body in found:
        text = (attribute(body, "description") or "").strip('"').replace("|", "\\|").replace("<", "&lt;")
        if kind == "output":
            outputs.append(f"| `{name}` | {text} |")
            continue
        default = attribute(body, "default")
        shown = "required" if default is None else f"`{_short(default)}`"
        inputs.append(f"| `{name}` | `{_short(attribute(body, 'type') or '')}` | {shown} | {text} |")
    return "\n".join([head, "", _BEGIN, "## Inputs", "", *inputs, "", "## Outputs", "", *outputs, "", _END, ""])


def _short(value: str) -> str:
    endings = {"map(object({": "map(object)", "object({": "object", "{": "{...}"}
    return endings.get(value, value)


def main() -> None:
    """Write every README."""
    for module in sorted(path for path in MODULES.iterdir() if path.is_dir()):
        (module / "README.md").write_text(readme(module))


if __name__ == "__main__":
    main()
