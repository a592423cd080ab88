"""Which report is published: the model's if it passes, else the one by rules, which has to pass as well."""

from typing import Any

from agent_framework.errors import OutputValidationError

from .compose import compose
from .facts import amounts
from .judge import review


def finished_report(draft: str, facts: dict[str, Any], knowledge: dict[str, Any]) -> dict[str, Any]:
    """``{content, written_by, problems}``: the text, ``model`` or ``rules``, and what was wrong with the model's.

    Raises:
        OutputValidationError: not even the report by rules passes; nothing is published.
    """
    known = amounts(facts)
    by_rules = compose(facts, knowledge)
    first = review(draft, known)
    if first.passed:
        return {"content": draft, "written_by": "rules" if draft == by_rules else "model", "problems": []}
    second = review(by_rules, known)
    if not second.passed:
        raise OutputValidationError(f"no report passes: {'; '.join((*first.problems, *second.problems))}")
    return {"content": by_rules, "written_by": "rules", "problems": list(first.problems)}
