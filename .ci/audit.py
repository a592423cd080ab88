"""Look for known vulnerabilities in locked requirements, by pip-audit: 0 none, 1 some, 3 not audited.

pip-audit ends with a traceback where it reaches no source of advisories, and calls packages clean that its source does
not know. Neither is an audit. So the answer counts only if the source knows every package, and the vulnerabilities of a
release that everybody knows to have some.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NONE, SOME, NOT_AUDITED = 0, 1, 3
KNOWN = ("django", "3.2.0")
"""Nothing of ours needs it; advisories about it are many and old."""
TIMEOUT_S = 900
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


class NotAuditedError(Exception):
    """Why there is no answer."""


def canonical(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(requirements: str) -> dict[str, str]:
    """Name and version of each locked package, whatever platform it is for."""
    return {canonical(name): version for name, version in _PIN.findall(requirements)}


def ask(program: list[str], wanted: dict[str, str], source: list[str]) -> list[dict[str, Any]]:
    """What pip-audit says of each package."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("".join(f"{name}=={version}\n" for name, version in {**wanted, KNOWN[0]: KNOWN[1]}.items()))
        file.flush()
        options = ["--disable-pip", "--no-deps", "--format", "json", "--progress-spinner", "off", *source]
        try:
            done = subprocess.run(  # noqa: S603
                [*program, "--requirement", file.name, *options], capture_output=True, text=True, timeout=TIMEOUT_S
            )
        except (OSError, subprocess.TimeoutExpired) as exc:
            raise NotAuditedError(f"pip-audit did not answer: {exc}") from exc
    try:
        answer: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError) as exc:
        lines = done.stderr.strip().splitlines() or ["it printed nothing"]
        raise NotAuditedError(f"no source of advisories answered: {lines[-1]}") from exc
    return answer


def audit(program: list[str], wanted: dict[str, str], source: list[str]) -> Iterator[str]:
    """A line for each known vulnerability.

    Raises:
        NotAuditedError: the source was not reached, or does not know what it should.
    """
    if not wanted:
        raise NotAuditedError("nothing is locked there")
    found = {canonical(item["name"]): item for item in ask(program, wanted, source)}
    unknown = sorted(name for name in wanted if name not in found or "vulns" not in found[name])
    if unknown:
        shown = ", ".join(unknown[:5]) + (", ..." if len(unknown) > 5 else "")
        raise NotAuditedError(f"the source does not know {len(unknown)} of {len(wanted)} packages: {shown}")
    if not found.get(KNOWN[0], {}).get("vulns"):
        raise NotAuditedError(f"the source knows no vulnerability of {'=='.join(KNOWN)}, so it knows none at all")
    for name, version in wanted.items():
        for item in found[name]["vulns"]:
            fixed = ", ".join(item.get("fix_versions") or ()) or "no release"
            yield f"{name}=={version}: {item['id']}, fixed in {fixed}"


def main(arguments: list[str] | None = None) -> int:
    """Audit a file and say what came of it."""
    parser = argparse.ArgumentParser(description="Look for known vulnerabilities in locked requirements.")
    parser.add_argument("requirements", type=Path)
    parser.add_argument("--pip-audit", nargs="+", default=[sys.executable, "-m", "pip_audit"], metavar="PROGRAM")
    parser.add_argument("--osv-url", help="Another server that answers as OSV does.")
    options = parser.parse_args(arguments)
    source = ["--vulnerability-service", "osv", *(["--osv-url", options.osv_url] if options.osv_url else [])]
    wanted = pins(options.requirements.read_text("utf-8"))
    try:
        lines = list(audit(options.pip_audit, wanted, source))
    except NotAuditedError as exc:
        print(f"not audited: {exc}")
        return NOT_AUDITED
    for line in lines:
        print(line)
    print(f"{len(wanted)} packages, {len(lines)} known vulnerabilities")
    return SOME if lines else NONE


if __name__ == "__main__":
    sys.exit(main())
