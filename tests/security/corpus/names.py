"""Names that people and requests give: of agents, projects, stages, sessions; and keys of storages."""

import keyword
import unicodedata
from itertools import product

ESCAPES = [
    "../a", "..", ".", "a/b", "a/../b", "/a", "/etc/passwd", "a\\b", "..\\a", "C:\\a", "~", "~/a", "./a", "a/", "a//b",
    "%2e%2e", "%2e%2e%2fa", "..%2fa", "..%5ca", "%00", "a%00b", "....//a", "..;/a", "file:///a", "//host/a", "\\\\host\\a",
]  # fmt: skip
INJECTIONS = [
    "a;ls", "a;ls;", "a|ls", "a&ls", "a`ls`", "$(ls)", "${HOME}", "$HOME", "a>b", "a<b", "a\nb", "a\rb", "a\tb", "a\x00b",
    "a'b", 'a"b', "a'; DROP TABLE jobs; --", "a' OR '1'='1", "' --", "<script>alert(1)</script>", "{{7*7}}", "{a}", "%s",
    "{0.__class__}", "a=b", "a:b", "a,b", "a*", "a?", "[a]", "a#b", "a@b", "a!b", "-rf", "--help", "-a", "a b", " a b",
    "a+b", "a.b", "a.py", ".a", ".env", "__import__('os')", "import os", "os.system", "a()", "a[0]", "lambda: 1", "@a", "*a",
    "&a", "!a", "!!a", "|", ">", "---", "...", "a: b", "- a", "? a", "# a", "\x1b[31ma", "a\x7f", "\x07", "\x08a", "a\x0b",
]  # fmt: skip
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def look_alikes(word: str) -> list[str]:
    """The word with each letter in turn from another block, and with an accent."""
    made: list[str] = []
    for position, char in enumerate(word):
        others = [chr(ord(char) + 0xFEE0), chr(0x1D41A + ord(char) - 97), unicodedata.normalize("NFC", f"{char}\u0301")]
        made += [f"{word[:position]}{other}{word[position + 1 :]}" for other in others if len(other) == 1]
    return made


def invisible(word: str) -> list[str]:
    """The word with something in it, or around it, that is not seen."""
    marks = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u202e\u2066\u00a0\u3000\u2028\u0085\u034f\u115f\u3164\ufe0f"
    return [text for mark in marks for text in (f"{word[0]}{mark}{word[1:]}", f"{word}{mark}", f"{mark}{word}")]


def _shapes(separator: str, other: str, longest: int) -> list[str]:
    """What breaks the form of a name: letters of the wrong kind, a beginning that is none, too many of them."""
    wrong = [
        "",
        "A",
        "Agent",
        "aB",
        "1a",
        "9",
        f"{separator}a",
        separator,
        f"a{other}b",
        other,
        "é",
        "ä",
        "日本",
        "ab💥",
        "ß",
    ]
    wrong += ["a" * size for size in (longest + 1, longest + 2, 100, 255, 4096, 100_000)]
    wrong += [f"{char}x" for char in "0123456789!\"#$%&'()*+,./:;<=>?@[\\]^`{|}~"]
    wrong += [f"x{char}" for char in "!\"#$%&'()*+,./:;<=>?@[\\]^`{|}~ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    return wrong


_AGENT_WORDS = ["input", "results", "prev_step", "job"]
_YAML_WORDS = ["true", "false", "null", "none"]
HOSTILE: dict[str, list[str]] = {
    "agents": [
        *_shapes("_", "-", 40),
        *ESCAPES,
        *INJECTIONS,
        *look_alikes("writer"),
        *look_alikes("classifier"),
        *invisible("writer"),
        *_AGENT_WORDS,
    ],
    "projects": [
        *_shapes("-", "_", 32),
        *ESCAPES,
        *INJECTIONS,
        *look_alikes("shop"),
        *look_alikes("insights"),
        *invisible("shop"),
    ],
    "stages": [
        *_shapes("-", "_", 16),
        *ESCAPES,
        *INJECTIONS,
        *look_alikes("dev"),
        *look_alikes("staging"),
        *invisible("dev"),
    ],
}
"""By what is called so."""

UNPYTHONIC: list[str] = [word for word in [*keyword.kwlist, *_YAML_WORDS] if word.islower()]
"""Names that an agent may have in agents.yaml, and that no generated code could have."""

SESSIONS: list[str] = [
    "", "x" * 129, "x" * 100_000, "a\nb", "a\rb", "a\x00b", "a\tb", "\x1b[31m", "a\x7f", "\u202ea", "a\u200bb", "\ufeff",
    "\u2028", "\ud800", "a\u00ad", "\u2066", "\ue000", "\u0378", "\x85",
]  # fmt: skip

LEGITIMATE: dict[str, list[str]] = {
    "agents": [
        *_LETTERS, *(f"{a}_{b}" for a, b in product(_LETTERS[:12], "xyz123")), "trend_analyzer", "a__b", "a_", "x9",
        *("a" * size for size in range(2, 41)), *(f"agent_{n}" for n in range(99)),
    ],
    "projects": [*_LETTERS, *(f"{a}-{b}" for a, b in product("abc", "xyz123")), "a--b", "a-", *("p" * n for n in range(2, 33))],
    "stages": [*_LETTERS, "dev", "staging", "prod", "local", "qa-1", "eu-west", *("s" * n for n in range(2, 17))],
    "sessions": ["s-1", "ann@example.com", "a b", "日本", "💥", "../x", "'; --", "x" * 128, "a/b", "%00", "{}"],
}  # fmt: skip

_PARTS = [
    "..",
    ".",
    "",
    "a\x00b",
    "a\nb",
    "a\rb",
    "a\tb",
    "\x1b[31m",
    "a\x7f",
    " a",
    "a ",
    "\u3000a",
    "a\u00a0",
    "x" * 251,
]
_PARTS += ["é" * 126, "a\\b", "..\\a", "\\", "\ud800", "\u2028", "\x85", ".. ", " ..", "a\x01", "\x02", "a\x1f"]
KEYS_HOSTILE: dict[str, list[str]] = {
    "parts in every place": [
        form.replace("{}", part)
        for part in _PARTS
        for form in ("{}", "{}/b", "b/{}", "b/{}/c", "b/c/{}", "{}/{}", "b/c/d/{}/e")
    ],
    "ways out": [
        f"{start}{way}" for start, way in product(["", "a/", "reports/2026/", "a/b/c/"], ["../x", "..", "./x", "/x"])
    ]
    + ["/".join([".."] * size) + "/etc/passwd" for size in range(1, 60)]
    + [f"{'a/' * size}{'../' * (size + 1)}x" for size in range(1, 60)],
    "absolute": ["/", "//", "/a", "/etc/passwd", "//host/share", "\\\\host\\share", "C:\\x", "C:\\", "\\a", "/" * 100],
    "too long": [
        "x" * 901,
        "a/" * 451,
        "x/" * 500 + "x",
        "é" * 451,
        "/".join(["y" * 250] * 4),
        "💥" * 226,
        "z" * 100_000,
    ],
    "notes of the storage": [".meta", ".meta/a", ".meta/notes/x", ".meta/a.json"],
}
KEYS_LEGITIMATE: dict[str, list[str]] = {
    "paths": [
        f"{folder}{name}{end}"
        for folder, name, end in product(
            ["", "reports/", "reports/2026/", "a/b/c/d/"],
            [
                "summary",
                "é",
                "日本",
                "💥",
                "a b",
                "a+b",
                "a=b",
                "x" * 200,
                "...",
                "..a",
                "-rf",
                "$HOME",
                "a;b",
                "a'b",
                "%2e%2e",
            ],
            ["", ".html", ".json", ".tar.gz", "-1", "~"],
        )
    ],
}
