"""Whole agents.yaml files: bytes, because some are no text."""

import json
from itertools import product
from typing import Any

from tests.security.corpus import quoted

_HEAD = "project: {name: shop}\n"
FULL: dict[str, Any] = {
    "project": {"name": "shop", "version": "1", "region": "eu-central-1"},
    "agents": {
        "lead": {"type": "orchestrator"},
        "a": {
            "description": "x",
            "runtime": {"timeout": 5, "memory": 256, "environment": ["LEVEL"], "triggers": ["api"]},
            "retry": {"max_attempts": 2, "initial_seconds": 1.5, "jitter": False, "on": ["timeout"]},
            "capabilities": {"tools": ["t"], "structured_output": True},
            "dependencies": {"database": "read-only", "external_apis": ["x"]},
            "llm": {"model": "m", "timeout": 3},
            "circuit_breaker": {"failures": 3},
            "max_turns": 4,
        },
        "b": {"session": {"ttl_seconds": 60}, "needs_approval": True, "entrypoint": "x.y:z"},
    },
    "orchestration": {
        "max_concurrent_agents": 2,
        "timeout_seconds": 60,
        "budget": {"usd": 1.5, "tokens": 100},
        "selection_rules": [{"name": "r", "condition": "input.a == 1", "agents": ["a", {"parallel": ["a", "b"]}]}],
    },
    "infrastructure": {"database": {"provider": "sqlite", "config": {"path": "x"}}},
    "approvals": {"expires_seconds": 60},
    "llm": {"provider": "bedrock", "prices": {"m": {"input": 1, "output": 2}}},
    "stages": {"dev": {"llm": {"model": "n"}}},
}
"""A file with most fields, whose values are replaced by others one by one."""

_WRONG: tuple[Any, ...] = ({"no": {"such": 1}}, [[["x"]]])


def _json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


DEEPEST = 8
"""Values that lie deeper are not looked for."""


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if len(path) == DEEPEST:
        return [path]
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in inner for found in places(item, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], new)
    return copy


_FREE = ("description", "version", "model", "provider", "path", "prices", "external_apis", "tools", "requirements")
"""Fields that take most texts and numbers, or names of somebody else's."""


def _wrong_types() -> list[str]:
    everywhere = [path for path in places(FULL) if path and not {*path} & {*_FREE, "infrastructure", "stages"}]
    return [json.dumps(replaced(FULL, path, wrong)) for path, wrong in product(everywhere, _WRONG)]


def _bombs() -> list[str]:
    laughs = "a: &a [x, x]\n" + "".join(
        f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    quadratic = "a: &a " + "x" * 10_000 + "\nagents: [" + ", ".join(["*a"] * 1000) + "]\n"
    merges = "base: &b {timeout: 5}\nagents: {a: {<<: *b}}\n"
    deep = [f"agents: {opening * size}" for opening in ("[", "{a: ", "- ", "? ") for size in (40, 1000, 100_000)]
    block = "".join(f"{' ' * depth}a:\n" for depth in range(60))
    wide = "agents: {" + ", ".join(f"a{n}: {{timeout: x}}" for n in range(300)) + "}\n"
    large = [_HEAD + "# " + "x" * 1_000_001, _HEAD + "a" * 999_990 + "bcd: 1"]
    return [_HEAD + text for text in (laughs, quadratic, merges, *deep, block, wide)] + large


def _tags() -> list[str]:
    tags = """
        !!python/object/apply:os.system !!python/object/new:os.system !!python/name:os.system !!python/module:os
        !!python/object:builtins.object !!python/tuple !!python/dict !!python/str !!python/bytes !!python/none
        !!set !!omap !!pairs !!binary !!timestamp !!float !!int !!bool !!null !!str !!seq !!map !Ref !Sub !GetAtt !Include
        !include !env !ENV !vault !secret !<tag:yaml.org,2002:str> !<tag:yaml.org,2002:python/object/apply:os.system>
    """.split()
    return [f"project: {{name: {tag} ['touch x']}}\n" for tag in tags] + [
        f"{_HEAD}agents: {tag} {{}}\n" for tag in tags
    ]


def _broken() -> list[str]:
    texts = """
        project: {name: shop | project: [ | }{ | - a: 1\\n b: 2 | project: "shop | project: 'shop | project: |- \\n x
        ? [a]\\n: 1 | ? {a: 1}\\n: 2 | [a, b]: 1 | {a: 1}: 2 | project: {name: shop}\\nproject: {name: shop}
        project: {name: shop, name: other} | agents: {a: {}, a: {}} | a | 1 | null | [] | - project | "text" | --- | ...
        --- {}\\n--- {} | %YAML 9.9\\n---\\n{} | %TAG ! tag:x,2000:\\n---\\n{} | @x | `x` | project:\\n\\tname: shop | *x
        project: *shop | &a project: {name: shop} | project: &p {name: shop} | project: {name: shop}\\n  bad: indent
        project:\\n  name: shop\\n agents: {} | "\\\\x" | "\\\\uZZZZ" | "\\\\U00110000": 1 | "\\\\ud800": 1 | !
    """
    return [
        text.strip().replace("\\\\", "\\").replace("\\n", "\n")
        for text in texts.replace("\n", " | ").split(" | ")
        if text.strip()
    ]


def _unknown() -> list[str]:
    fields = """
        agent Agents AGENTS orchestrations orchestrator stage rules selection_rules database queue storage secrets env
        environment include import extends plugins hooks preamble eval exec command script __class__ __init__ \\u202e x-y
    """.split()
    return [f"{_HEAD}{field}: {{a: 1}}\n" for field in fields] + [
        f"{_HEAD}agents: {{a: {{{field}: 1}}}}\n" for field in fields if field not in ("environment",)
    ]


def _values() -> list[str]:
    timeouts = [
        "0",
        "-1",
        "901",
        "9" * 5000,
        "1e3",
        "1.5",
        "'5'x",
        "nan",
        ".inf",
        "-.inf",
        "0x10",
        "1_000",
        "1:30",
        "~",
        "[]",
    ]
    made = [f"{_HEAD}agents: {{a: {{runtime: {{timeout: {value}}}}}}}\n" for value in timeouts]
    names = [
        "A",
        "1a",
        "a-b",
        "a.b",
        "../a",
        "a/b",
        "a b",
        "é",
        "a" * 41,
        "",
        "input",
        "results",
        "job",
        "prev_step",
        "\x7fa",
    ]
    made += [f"{_HEAD}agents: {{{quoted(name)}: {{}}}}\n" for name in names]
    made += [f"{_HEAD}stages: {{{quoted(name)}: {{}}}}\n" for name in ("Dev", "de v", "d" * 17, "../dev", "1dev", "")]
    made += [f"project: {{name: {quoted(name)}}}\n" for name in ("Shop", "shop_x", "-shop", "s" * 33, "../shop", "")]
    made += [
        f"project: {{name: shop, region: {quoted(name)}}}\n" for name in ("mars", "us-east", "us-east-1; ls", "../x")
    ]
    made += [
        f"{_HEAD}agents: {{a: {{entrypoint: {quoted(name)}}}}}\n"
        for name in ("a b", "os;x", "../x", "a:b:c", ":x", "a:")
    ]
    made += [f"{_HEAD}llm: {{client: {value}}}\n" for value in ("curl", "[]", "{}", "1")]
    return made


def _bytes() -> list[bytes]:
    text = _HEAD.encode()
    return [
        b"\xff\xfe" + _HEAD.encode("utf-16-le"), b"\xfe\xff" + _HEAD.encode("utf-16-be"), _HEAD.encode("utf-32"),
        b"\x80", text + b"\xc3\x28", text + b"\xed\xa0\x80", text + b"\xf4\x90\x80\x80", text + b"\xc0\xaf", text + b"\x00",
        text + b"\x1b[31m", text + b"\x07", text + b"# \x7f", text + b"\xef\xbf\xbe", b"\x1f\x8b\x08\x00", b"PK\x03\x04",
        b"SQLite format 3\x00", b"\x89PNG\r\n", bytes(range(256)), b"\xef\xbb\xbf\xef\xbb\xbf" + text[:3],
    ]  # fmt: skip


HOSTILE: dict[str, list[bytes]] = {
    "bombs, and what is too deep or too large": [text.encode() for text in _bombs()],
    "tags": [text.encode() for text in _tags()],
    "no YAML, or none of ours": [text.encode() for text in _broken()],
    "unknown fields": [text.encode() for text in _unknown()],
    "values that are not possible": [text.encode() for text in _values()],
    "wrong types in every place": [text.encode() for text in _wrong_types()],
    "no text": _bytes(),
}

_STRATEGIES = ("dynamic", "sequential", "parallel")
_TEXTS = (
    "plain",
    "é und ß",
    "日本語",
    "💥",
    "it's",
    'a "quote"',
    "a: b",
    "# no comment",
    "{{x}}",
    "!!python/none",
    "&a *a",
    "yes",
)
_RULES = "orchestration:\n  selection_rules:\n    - {name: r, condition: always, agents: [a]}\n"
LEGITIMATE: dict[str, list[bytes]] = {
    "settings": [
        f"{_HEAD}agents:\n  a: {{runtime: {{timeout: {timeout}, memory: {memory}}}}}\norchestration: {{strategy: {strategy}}}\n".encode()
        for timeout, memory, strategy in product((1, 29, 60, 300, 899, 900), (128, 512, 1769, 10_240), _STRATEGIES)
    ],
    "texts": [
        f"{_HEAD}agents: {{a: {{description: {form(text)}}}}}\n".encode() for text in _TEXTS for form in (quoted, _json)
    ],
    "sizes": [
        (_HEAD + "agents:\n" + "".join(f"  agent_{n}: {{}}\n" for n in range(size))).encode()
        for size in (*range(1, 41), 150)
    ],
    "layouts": [
        text.encode()
        for text in (
            "project:\n  name: shop\n",
            "---\nproject: {name: shop}\n",
            "project: {name: shop}\n...\n",
            "\ufeff" + _HEAD,
            _HEAD.replace("\n", "\r\n"),
            "# x\n\n" + _HEAD,
            json.dumps(FULL),
            json.dumps(FULL, indent=4),
            "{project: {name: 'shop'}}",
            'project: {"name": "shop"}',
            "project:\n    name: >-\n      shop\n",
            _HEAD + _RULES,
        )
    ],
    "names": [
        f"project: {{name: {project}}}\nagents: {{{agent}: {{}}}}\nstages: {{{stage}: {{}}}}\n".encode()
        for project, agent, stage in product(
            ("a", "shop-1", "x" * 32),
            ("a", "a_b", "agent_7", "yes", "on", "n", "a" * 40),
            ("dev", "qa-2", "local", "s" * 16),
        )
    ],
    "conditions": [
        f"{_HEAD}agents: {{a: {{}}}}\n{_RULES.replace('always', quoted(f'input.x {operator} {value}'))}".encode()
        for operator, value in product(("==", "!=", "<", ">="), ("1", "'x'", "true", "null", "[1]", "'é'", "'# x'"))
    ],
    "models": [
        f"{_HEAD}agents: {{a: {{}}}}\nllm: {{provider: {provider}, model: {model}, timeout: {timeout}}}\n".encode()
        for provider, model, timeout in product(
            ("bedrock", "openai", "anthropic", "offline"), ("m", "gpt-5", "us.amazon.nova-pro-v1:0"), (1, 0.5, 600)
        )
    ],
    "places": [
        f"{_HEAD}agents: {{a: {{}}}}\ninfrastructure: {{database: {{provider: {name}}}, queue: {{provider: {queue}}}}}\n".encode()
        for name, queue in product(
            ("sqlite", "dynamodb", "aurora", "postgres", "'my.stores:Redis'"), ("sqs", "local", "eventbridge")
        )
    ],
}
