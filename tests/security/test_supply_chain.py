"""What is locked, and what the audit of it says: clean only if a source that knows everything found nothing."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PIP_AUDIT = ROOT / ".venvs/audit/bin/pip-audit"
LOCKED = "click==8.1.7 \\\n    --hash=sha256:00\nPy_YAML==6.0.2 ; sys_platform == 'win32' \\\n    --hash=sha256:00\n"
KNOWN = {"name": "django", "version": "3.2.0", "vulns": [{"id": "CVE-1", "fix_versions": ["3.2.1"]}]}
BAD = [{"id": "CVE-2", "fix_versions": ["8.1.8", "8.2"]}, {"id": "CVE-3", "fix_versions": []}]


def package(name: str, *vulns: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "version": "1", "vulns": list(vulns)}


def audited(folder: Path, *arguments: str, locked: str = LOCKED) -> tuple[int, str]:
    """The script's exit code and what it printed."""
    (folder / "locked.txt").write_text(locked)
    script = [sys.executable, str(ROOT / ".ci/audit.py"), str(folder / "locked.txt"), *arguments]
    done = subprocess.run(script, capture_output=True, text=True, timeout=100)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout


def said(folder: Path, *dependencies: dict[str, Any], text: str | None = None, locked: str = LOCKED) -> tuple[int, str]:
    """The audit where pip-audit answers with ``dependencies``, or prints ``text``."""
    answer = json.dumps({"dependencies": dependencies, "fixes": []}) if text is None else text
    (folder / "pip_audit_answers.py").write_text(f"import sys\nprint({answer!r})\nprint('it broke', file=sys.stderr)\n")
    return audited(folder, "--pip-audit", sys.executable, str(folder / "pip_audit_answers.py"), locked=locked)


def test_a_clean_lock_is_clean(tmp_path: Path) -> None:
    assert said(tmp_path, package("click"), package("py.yaml"), KNOWN) == (0, "2 packages, 0 known vulnerabilities\n")


def test_vulnerabilities_are_listed_with_what_mends_them(tmp_path: Path) -> None:
    code, told = said(tmp_path, package("click", *BAD), package("py.yaml"), KNOWN)
    assert code == 1
    assert told.splitlines() == [
        "click==8.1.7: CVE-2, fixed in 8.1.8, 8.2",
        "click==8.1.7: CVE-3, fixed in no release",
        "2 packages, 2 known vulnerabilities",
    ]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"text": ""}, "no source of advisories answered: it broke"),
        ({"text": "<html>a proxy's page</html>"}, "no source of advisories answered"),
        ({"text": "[]"}, "no source of advisories answered"),
        ({"dependencies": []}, "the source does not know 2 of 2 packages: click, py-yaml"),
        (
            {"dependencies": [package("click"), {"name": "py-yaml", "skip_reason": "not found"}, KNOWN]},
            "the source does not know 1 of 2 packages: py-yaml",
        ),
        ({"dependencies": [package("click"), package("py.yaml")]}, "knows no vulnerability of django==3.2.0"),
        ({"dependencies": [package("click"), package("py.yaml"), package("django")]}, "so it knows none at all"),
        ({"dependencies": [KNOWN], "locked": "# nothing\n"}, "nothing is locked there"),
    ],
)
def test_what_is_no_audit_is_not_called_clean(tmp_path: Path, answer: dict[str, Any], reason: str) -> None:
    code, told = said(tmp_path, *answer.pop("dependencies", ()), **answer)
    assert code == 3
    assert told.startswith("not audited: ")
    assert reason in told


def test_without_the_program_nothing_is_audited(tmp_path: Path) -> None:
    code, told = audited(tmp_path, "--pip-audit", str(tmp_path / "nowhere"))
    assert (code, told.startswith("not audited: pip-audit did not answer")) == (3, True)


@contextmanager
def osv(known: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """A server that answers as OSV's."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            vulns = known.get(query["package"]["name"], [])
            body = json.dumps({"vulns": vulns} if vulns else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    server.server_close()
    thread.join()


def advisory(package_name: str, name: str) -> dict[str, Any]:
    affected = {"package": {"name": package_name, "ecosystem": "PyPI"}, "ranges": [{"type": "ECOSYSTEM", "events": []}]}
    return {"id": name, "summary": "x", "affected": [affected], "published": "2026-01-01T00:00:00Z"}


@pytest.mark.skipif(not PIP_AUDIT.exists(), reason="needs pip-audit, which 'make audit' installs")
@pytest.mark.parametrize(
    ("known", "code"),
    [
        ({"django": [advisory("django", "OSV-1")]}, 0),
        ({"django": [advisory("django", "OSV-1")], "click": [advisory("click", "OSV-2")]}, 1),
        ({}, 3),
        (None, 3),
    ],
)
def test_the_real_program_says_the_same_of_a_server_that_answers_as_osv(tmp_path: Path, known: Any, code: int) -> None:
    if known is None:
        assert audited(tmp_path, "--pip-audit", str(PIP_AUDIT), "--osv-url", "http://127.0.0.1:9/")[0] == code
        return
    with osv(known) as url:
        assert audited(tmp_path, "--pip-audit", str(PIP_AUDIT), "--osv-url", url)[0] == code


@pytest.mark.parametrize("name", ["dev.txt", "lambda.txt"])
def test_every_locked_package_has_its_hashes(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text("utf-8")
    entries = [entry for entry in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE | re.IGNORECASE) if "==" in entry]
    assert len(entries) > 5
    assert not [entry.split("==")[0] for entry in entries if "--hash=sha256:" not in entry]
    litellm = re.search(r"^litellm==(\S+)", text, re.MULTILINE)
    assert litellm is None or litellm[1] not in ("1.82.7", "1.82.8"), "malicious releases"
