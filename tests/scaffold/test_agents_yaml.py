"""Adding an entry to agents.yaml: only lines are added, in whatever way the file is laid out, or it is refused."""

import difflib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_framework.cli.scaffolding.agents_yaml import add_agent_entry
from agent_framework.config.yaml_reader import parse_yaml
from agent_framework.errors import ProjectError

ENTRY: dict[str, Any] = {
    "type": "worker",
    "description": "Says: \"yes\" # 'no' \\ {é}",
    "runtime": {"timeout": 5, "memory": 256},
    "capabilities": {"tools": ["one", "on"]},
}
HAND_WRITTEN = """\
# top

project: {name: shop}   # inline


agents:
    first:   # the first
        'type': "worker"      # quoted

        description: >-
            folded
            text

        # belongs to first
    second:
        runtime: { timeout: 5,
                   memory: 256 }   # over two lines
        # belongs to second

    # third:
    #     type: worker

# the rules
orchestration:
    selection_rules:
    - name: "r"
      agents: [first,second]
"""


def added(text: str, name: str = "new") -> str:
    """The text with the entry; it must hold all old data and the new."""
    changed = add_agent_entry(text, name, ENTRY, file="agents.yaml")
    data = parse_yaml(changed).data
    assert data["agents"].pop(name) == ENTRY
    before = parse_yaml(text).data
    assert data == before | {"agents": before.get("agents") or {}}
    return changed


def only_additions(before: str, after: str) -> bool:
    """Whether every line of ``before`` is in ``after``, in order."""
    return not [line for line in difflib.ndiff(before.split("\n"), after.split("\n")) if line.startswith("-")]


def test_comments_quotes_order_and_indentation_stay():
    changed = added(HAND_WRITTEN)
    assert only_additions(HAND_WRITTEN, changed)
    place = changed.index("    new:\n        type: worker\n        description:")
    assert changed.index("    #     type: worker") < place < changed.index("# the rules")
    assert '            memory: 256\n        capabilities:\n            tools: [one, "on"]\n' in changed


@pytest.mark.parametrize(
    "text",
    [
        "project: {name: a}\n",
        "project: {name: a}",
        "project: {name: a}\nagents:\n",
        "project: {name: a}\nagents:  # none yet\n\norchestration: {strategy: dynamic}\n",
        "agents:\n  a:\nproject: {name: a}\n",
        "agents:\n  a: {}\nproject: {name: a}\n",
        "agents:\n  a: {}\n\n  b: {}\n\n\nproject: {name: a}\n",
        "agents:\n  a:\n    description: |\n      two\n      lines\n\n\nproject: {name: a}\n",
        "agents:\n a:\n   type: worker\n b:\n   type: worker",
        "---\nagents:\n  a:\n    capabilities:\n      tools:\n      - one\n# end\nproject: {name: a}\n...\n",
        "agents:\n  a:\n    description: 'it''s\n      long'\n  # same level\n# lower\nproject: {name: a}\n",
    ],
)
def test_other_layouts_are_added_to(text: str):
    assert only_additions(text, added(text))


@pytest.mark.parametrize(
    "text",
    [
        "project: {name: a}\nagents: {}\n",
        "agents: {} # none\nproject: {name: a}\n",
        "agents: {a: {}, b: {type: worker},}\n",
    ],
)
def test_agents_in_braces_change_no_other_line(text: str):
    changed = added(text)
    others = [line for line in text.splitlines() if "agents:" not in line]
    assert [line for line in changed.splitlines() if line in others] == others


def test_windows_line_ends_and_a_byte_order_mark_stay():
    text = "\ufeff" + HAND_WRITTEN.replace("\n", "\r\n")
    changed = add_agent_entry(text, "new", ENTRY, file="agents.yaml")
    assert changed == "\ufeff" + added(HAND_WRITTEN).replace("\n", "\r\n")


@pytest.mark.parametrize(
    "text", ["{project: {name: a}}\n", "project: {name: a}\n...\n", "agents:\n  a:\n    description: |+\n      x\n\n\n"]
)
def test_what_cannot_be_added_to_is_refused_with_the_lines_to_add(text: str):
    with pytest.raises(ProjectError, match="add this under 'agents:'") as caught:
        add_agent_entry(text, "new", ENTRY, file="agents.yaml")
    assert "  new:\n    type: worker\n" in str(caught.value)


GAPS = st.sampled_from(["", "\n", "\n\n", "  # note\n", "    # deeper\n", "# outer\n", "\n  # note\n\n"])
VALUES = st.sampled_from([
    " {}\n", "\n", "  # nothing\n", "\n    type: worker\n", "\n    description: >\n      folded\n      text\n",
    "\n    description: |-\n      kept\n\n      text\n", "\n    capabilities:\n      tools:\n      - a\n        # b\n",
    "\n    runtime: {timeout: 5,\n      memory: 200}  # two lines\n", "\n    description: \"a # b\"   # c\n",
])  # fmt: skip
LAYOUTS = st.lists(st.tuples(VALUES, GAPS), min_size=1, max_size=4)


@given(LAYOUTS, st.sampled_from(["", "orchestration: {}\n", "# the end\nllm: {}\n", "# the end"]))
def test_no_layout_loses_a_line(layout: list[tuple[str, str]], rest: str):
    agents = "".join(f"  a{index}:{value}{gap}" for index, (value, gap) in enumerate(layout))
    text = f"project: {{name: a}}\nagents:\n{agents}{rest}"
    assert only_additions(text, added(text))


def test_a_file_that_only_the_reader_takes_is_left_alone_with_the_lines_to_add():
    with pytest.raises(ProjectError, match="its layout leaves no place") as told:
        add_agent_entry("project: {name: p}\t\nagents:\n  a: {}\n", "b", {"timeout": 5}, file="agents.yaml")
    assert "b:" in str(told.value)
