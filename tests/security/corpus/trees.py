"""What a package must not carry: names in a zip, things in a project's folder, things in an installed dependency."""

import os
import socket
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path

SECRET = "hunter2-of-the-package-tests"
VARIABLE = "PACKAGE_TESTS_TOKEN"

ZIP_NAMES: list[str] = [
    "", "/", "/a", "/etc/passwd", "//a", "..", "../a", "../../a", "a/..", "a/../b", "a/../../b", "a/b/../../../c", ".", "./a",
    "a/.", "a//b", "a/", "a\\b", "..\\a", "\\a", "\\\\host\\share", "C:\\a", "C:/a", "c:a", "a\x00b", "\x00", "a\nb", "a\rb",
    "a\tb", "\x1b[31m", "a\x7f", "\u202ea.py", "a\u200bb.py", "\ufeffa.py", "\ud800", "a/\u2028/b",
]  # fmt: skip

Make = Callable[[Path], object]
"""Makes something in a project's folder, or in the folder of an installed dependency."""


def _link(place: str, target: str, folder: Path) -> None:
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    (folder / place).symlink_to(target)


def _file(place: str, content: str | bytes, folder: Path) -> None:
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    (folder / place).write_bytes(content if isinstance(content, bytes) else content.encode())


def _chain(folder: Path) -> None:
    _link("backend/first", "agents/second", folder)
    _link("backend/agents/second", "../../../outside.txt", folder)


def _agents_yaml(block: str, folder: Path) -> None:
    file = folder / "agents.yaml"
    file.write_text(f"{file.read_text()}\n{block}\n")


def _pipe(place: str, folder: Path) -> None:
    os.mkfifo(folder / place)


def _socket(place: str, folder: Path) -> None:
    here = Path.cwd()
    os.chdir((folder / place).parent)  # addresses of sockets are short
    try:
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(Path(place).name)
    finally:
        os.chdir(here)


_KEYS = [
    "RSA PRIVATE KEY",
    "EC PRIVATE KEY",
    "DSA PRIVATE KEY",
    "PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "OPENSSH PRIVATE KEY",
]
_PLACES = ["backend/key.pem", "backend/agents/one/id_rsa", "backend/data/blob.bin"]
_YAML_SECRETS = [
    "stages: {local: {infrastructure: {database: {provider: postgres, config: {host: h, password: hunter2}}}}}",
    "stages: {local: {infrastructure: {database: {provider: postgres, config: {dsn: 'postgresql://u:pw@h/d'}}}}}",
    "stages: {local: {infrastructure: {database: {provider: postgres, config: {dsn: 'host=h password=pw'}}}}}",
    "llm: {base_url: 'https://user:pw@host/v1'}",
    "llm: {api_key_env: sk-0123456789abcdef0123}",
    "stages: {prod: {llm: {base_url: 'https://user:pw@host/v1'}}}",
    "approvals: {url: 'https://user:pw@host'}",
]

PROJECTS: dict[str, Make] = {
    **{
        f"a link {place} -> {target}": partial(_link, place, target)
        for place, target in product(
            ["backend/link.txt", "backend/agents/one/link.py", "backend/agents/link"],
            [
                "/etc/passwd",
                "../../outside.txt",
                "../outside.txt",
                "..",
                "/",
                "/tmp",
                ".",
                "nowhere",
                "/proc/self/environ",
            ],
        )
        if (place, target) not in {("backend/link.txt", "../../outside.txt")}
    },
    "a link to itself": partial(_link, "backend/self", "self"),
    "a link of a module beside backend": partial(_link, "helper.py", "../outside.txt"),
    "links that lead out one after the other": _chain,
    **{
        f"a file {name}": partial(_file, name, "import os")
        for name in ("backend/a.pth", "backend/agents/one/b.pth", "backend/C.PTH")
    },
    **{
        f"{kind} in {place}": partial(_file, place, f"-----BEGIN {kind}-----\nMIIB\n-----END {kind}-----\n")
        for kind, place in product(_KEYS, _PLACES)
    },
    "a private key behind other lines": partial(
        _file, "backend/x.txt", "certificate\n" * 99 + "-----BEGIN PRIVATE KEY-----\nM"
    ),
    **{
        f"the value of a secret in {place}": partial(_file, place, content)
        for place, content in {
            "backend/settings.py": f'TOKEN = "{SECRET}"\n',
            "backend/data.json": f'{{"token": "{SECRET}"}}',
            "backend/agents/one/notes.md": f"token: {SECRET}",
            "backend/blob.bin": b"\x00\x01" + SECRET.encode() + b"\xff",
            "backend/env.prod": f"{VARIABLE}={SECRET}\n",
        }.items()
    },
    **{block: partial(_agents_yaml, block) for block in _YAML_SECRETS},
    "a pipe": partial(_pipe, "backend/pipe"),
    "a pipe that looks like code": partial(_pipe, "backend/agents/one/pipe.py"),
    "a socket": partial(_socket, "backend/socket"),
}
"""By what is made in a project that has the agent ``one``; a file ``outside.txt`` lies beside the project."""

DEPENDENCIES: dict[str, Make] = {
    **{
        f"a file {name}": partial(_file, name, "import os")
        for name in ("a.pth", "b.PTH", "thing/c.pth", "d.pTh", ".e.pth")
    },
    **{
        f"a link {place} -> {target}": partial(_link, place, target)
        for place, target in product(
            ["link", "thing/link.py"], ["link.py", "nowhere", "/etc/passwd", "/", "../../x", "../..", "/tmp"]
        )
    },
}

GOOD_NAMES: list[str] = [
    f"{folder}{name}{end}"
    for folder, name, end in product(
        ["", "a/", "backend/data/", "x/y/z/"],
        ["main", "__init__", "é", "日本", "a b", "a-b", "a+b", "a=b", "UPPER", "...", "..a", "a..b", "$x", "a;b", "~"],
        ["", ".py", ".json", ".csv", ".txt", ".so"],
    )
]
"""Names that files of a package may have."""
