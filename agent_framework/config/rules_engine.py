"""The rules of a project as the seed's `RulesEngine`: evaluate a condition, preview a plan.

What really runs is decided by ``core.plan``, rule by rule, when each is reached; both read the same conditions.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from agent_framework.config.conditions import parse_condition
from agent_framework.config.orchestration_config import RuleConfig
from agent_framework.errors import ConfigError
from agent_framework.types import JSONDict


class RulesEngine:
    """Rules in order. Accepts `RuleConfig` objects or the mappings of ``selection_rules``."""

    def __init__(self, rules: Sequence[RuleConfig | Mapping[str, Any]]) -> None:
        self.rules = tuple(_as_rule(rule, index) for index, rule in enumerate(rules))

    def evaluate_condition(self, condition: str, context: Mapping[str, Any]) -> bool:
        """Whether ``condition`` holds in ``context`` (``{"input": ..., "prev_step": ...}``).

        Raises:
            ConfigError: the condition is not of the language.
        """
        return parse_condition(condition)(context)

    def create_plan(self, context: Mapping[str, Any]) -> list[JSONDict]:
        """The steps of all rules as they stand in ``context``: ``[{"type": "parallel", "agents": ["a", "b"]}]``."""
        plan: list[JSONDict] = []
        for rule in self.rules:
            if rule.when != "success":
                continue
            steps = rule.steps if self.evaluate_condition(rule.condition, context) else rule.else_steps
            plan += [{"type": step.type, "agents": list(step.agents)} for step in steps]
        return plan

    def evaluate(self, context: Mapping[str, Any]) -> list[str]:
        """Names of the agents that the plan would run, each once, in order."""
        names = (name for step in self.create_plan(context) for name in step["agents"])
        return list(dict.fromkeys(names))


def _as_rule(rule: RuleConfig | Mapping[str, Any], index: int) -> RuleConfig:
    if isinstance(rule, RuleConfig):
        return rule
    try:
        return RuleConfig.model_validate({"name": f"rule_{index + 1}", **rule})
    except ValidationError as exc:
        raise ConfigError(f"rule {rule.get('name', index + 1)!r}: {exc.errors(include_url=False)[0]['msg']}") from exc
