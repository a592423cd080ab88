"""What people say about an agent stays a text: in generated code, in agents.yaml, and in what a model is asked."""

import ast
import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from agent_framework import Project
from agent_framework.cli.scaffolding.names import check_description
from agent_framework.cli.scaffolding.new_agent import AgentRequest, plan_agent
from agent_framework.cli.scaffolding.templates import docstring, in_quotes, render
from agent_framework.config.loader import load_config_text
from agent_framework.errors import ConfigError
from tests.security.corpus import count_of
from tests.security.corpus.texts import CANARY_FILE, HOSTILE, LEGITIMATE
from tests.support.model_servers import ModelServer, says
from tests.support.projects import write_agent_file, yaml_of

SPARSE = 6
"""One of so many texts is planned as a whole agent, which takes its time; the others only as far as they differ."""


class _Bare(ast.NodeTransformer):
    """Takes the words out of a module, so that what is left is its code."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return ast.copy_location(ast.Constant("text" if isinstance(node.value, str) else node.value), node)


def code_of(source: str) -> str:
    """A module's code without its words; it is only read, never run."""
    return ast.dump(_Bare().visit(ast.parse(source)))


def planned(folder: Path, description: str) -> dict[str, str]:
    return dict(plan_agent(folder, AgentRequest("helper", description=description)).files)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "agents.yaml").write_text("project: {name: shop}\nagents: {}\n")
    (tmp_path / "terraform").mkdir()
    (tmp_path / "terraform/main.tf").write_text("")  # the folder is there: it is not made anew each time
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_are_enough_texts(record_property: Any) -> None:
    record_property("fact", f"texts for templates: {count_of(HOSTILE)} hostile, {len({*LEGITIMATE})} legitimate")
    assert count_of(HOSTILE) >= 200
    assert len({*LEGITIMATE}) >= 300


@pytest.mark.parametrize("family", HOSTILE)
def test_row_35_no_text_becomes_code_in_a_generated_agent(family: str, folder: Path) -> None:
    plain = {name: text for name, text in planned(folder, "Helps.").items() if name.endswith(".py")}
    bare = {name: code_of(text) for name, text in plain.items()}
    taken = 0
    for text in HOSTILE[family]:
        try:
            check_description(text)
        except ConfigError as exc:
            assert "must be one line of 1 to 200 characters" in str(exc), text  # noqa: PT017
            continue
        taken += 1
        if taken % SPARSE != 1:
            continue
        files = planned(folder, text)
        assert {name: code_of(files[name]) for name in bare} == bare, text
        assert load_config_text(files["agents.yaml"]).config.agents["helper"].description == text.strip()
    assert taken > 0
    assert not (folder / CANARY_FILE).exists()


@pytest.mark.parametrize("family", HOSTILE)
def test_row_35_a_text_in_quotes_is_the_text(family: str) -> None:
    for text in filter(str.isprintable, HOSTILE[family]):
        line = " ".join(text.split())
        wanted = line.replace('"', "'")
        assert ast.literal_eval(docstring(line)).split() == wanted.split(), text
        assert ast.literal_eval(f'"""\n{in_quotes(line)}\n"""').split() == wanted.split(), text
        assert render("a {{x}} b", {"x": text}) == f"a {text} b", "a value is not rendered again"


def test_legitimate_descriptions_are_taken_word_for_word(folder: Path) -> None:
    assert [check_description(text) for text in LEGITIMATE] == LEGITIMATE
    for text in LEGITIMATE[:: 4 * SPARSE]:
        files = planned(folder, text)
        assert load_config_text(files["agents.yaml"]).config.agents["helper"].description == text
        assert text in files["backend/agents/helper/agent.py"] + files["backend/agents/helper/templates.py"]


def test_row_35_prompts_and_inputs_reach_the_model_as_they_are(folder: Path) -> None:
    instructions = "{{7*7}} {job.user_id} %(x)s ${x} " + "{0.__class__} `id` $(id)"
    texts = sorted({text for family in HOSTILE.values() for text in family if text.isprintable()})
    settings = {"provider": "openai", "client": "chat", "model": "m", "api_key_env": "K"}
    with ModelServer(says("done")) as server:
        llm = {"llm": {**settings, "base_url": f"{server.url}/v1"}}
        (folder / "agents.yaml").write_text(yaml_of({"only": {}}, more=json.dumps(llm)[1:-1]))
        head = "from agent_framework import BaseAgent, agent\n@agent('only')\nclass Only(BaseAgent):\n"
        source = f"{head}    instructions = {instructions!r}\n"
        write_agent_file(folder, "only", source)

        async def run() -> None:
            async with Project.open(folder, environ={"K": "k"}) as project:
                job = await project.run({"texts": texts})
                assert job.status == "completed", job.error_message

        asyncio.run(run())
        messages = server.requests[0].body["messages"]
    assert messages[0]["content"] == instructions
    assert json.loads(messages[1]["content"].partition("Input:\n")[2]) == {"texts": texts}
