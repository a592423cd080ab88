"""Whatever is written in agents.yaml, the answer is a configuration or a ConfigError with a place."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_framework.config.loader import load_config, load_config_text
from agent_framework.config.validators import validate_config
from agent_framework.errors import ConfigError

SAMPLES = Path(__file__).parent / "samples"
TEXTS = [path.read_text("utf-8") for path in sorted(SAMPLES.glob("*.yaml"))]
FULL = """\
project: {name: full, version: "1", region: us-east-1}
agents:
  lead: {type: orchestrator, runtime: {environment: {A: b}, triggers: [api]}}
  a: {name: a, timeout: 5, memory: 256, tools: [t], output_field: x, fallback: b, llm: {model: m, timeout: 3}}
  b: {entrypoint: "x.y:z", requirements: [numpy], retry: {max_attempts: 2, on: [timeout], jitter: false}}
orchestration:
  strategy: dynamic
  max_concurrent_agents: 2
  timeout_seconds: 60
  budget: {usd: 1.5, tokens: 100}
  selection_rules:
    - {name: r, condition: "input.a == 1", agents: [a, {parallel: [a, b], rerun: true}], else: [b], on_error: continue}
    - {name: f, when: failure, agents: [{sequential: [a, b]}]}
infrastructure: {database: {provider: sqlite, config: {path: x}}}
llm: {prices: {m: {input: 1, output: 2}}}
stages: {dev: {llm: {model: n}, agents: {a: {runtime: {memory: 512}}}}, local: {}}
"""
PIECES = [
    "{}", "[]", "null", "-1", "1e400", "true", "''", "&a", "*a", "!!x", "{{", "]]", "- ", ": ", "?", "|", ">", "\t",
    "\x00", "\x85", "\ufeff", "\u2028", "é", "💥", "\n", "  ", "#", "%", "@", "`", '"', "'", "\\", "---", "...",
    "<<: 1", "0" * 50, "9" * 50, "[" * 40, '"\\ud800"', '"\\U00110000"', "always", "input.a ==", "name: x",
    "{name: 1, runtime: 2}",
]  # fmt: skip
JUNK: list[Any] = [
    None, True, -1, 0, 1e300, 10**30, "", "x", " ", "é" * 50, [], {}, [[]], [None], {"": None}, {"name": 1}, "\n",
    "a.b", {"name": "a", "timeout": 1, "runtime": 3}, ["a", {"parallel": None}], {"a": {"a": {"a": []}}}, "-",
]  # fmt: skip


def load_or_refuse(text: str) -> bool:
    """Whether the text was accepted; what is refused must say where."""
    try:
        loaded = load_config_text(text)
        for stage in ("local", "prod"):
            loaded.for_stage(stage)
        [str(problem) for problem in validate_config(loaded)]
    except ConfigError as exc:
        refusal = exc
    else:
        return True
    assert str(refusal).startswith("agents.yaml")
    assert refusal.problems
    return False


def test_the_texts_that_are_mutated_are_good_themselves() -> None:
    assert load_or_refuse(FULL)


@pytest.mark.parametrize("seed", range(8))
def test_five_hundred_mutated_texts_give_config_errors_only(seed: int) -> None:
    random = Random(seed)
    refused = 0
    for _ in range(63):
        text = random.choice([*TEXTS, FULL, FULL])
        for _ in range(random.randint(1, 4)):
            start = random.randrange(len(text))
            end = min(len(text), start + random.choice([0, 0, 1, 3, 20]))
            text = text[:start] + random.choice(PIECES) + text[end:]
        refused += not load_or_refuse(text)
    assert refused > 30


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, inner in items for found in paths_of(inner, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], new)
    return copy


def test_every_value_of_the_file_may_be_replaced_by_anything() -> None:
    data = yaml.safe_load(FULL)
    for path in paths_of(data):
        for junk in JUNK:
            load_or_refuse(json.dumps(replaced(data, path, junk), ensure_ascii=False))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(["project", "agents", "orchestration", "infrastructure", "llm", "stages", "name", "runtime"])


@settings(max_examples=300)
@given(st.dictionaries(fields, st.dictionaries(fields | st.sampled_from(["a", "dev"]), json_values) | json_values))
def test_generated_documents_give_config_errors_only(data: dict[str, Any]) -> None:
    load_or_refuse(json.dumps({"project": {"name": "p"}, **data}, allow_nan=True))


@settings(max_examples=300)
@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_give_a_config_error_only(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "fuzzed.yaml"
    file.write_bytes(raw)
    with pytest.raises(ConfigError):
        load_config(file)
