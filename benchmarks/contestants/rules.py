"""One condition, evaluated again and again by one of those that can: ours, Python's ``eval``, a library. CPU time."""

import json
import time
from collections.abc import Callable
from typing import Any

from benchmarks.contestants.turn import order
from benchmarks.machine import versions

CONTEXT: dict[str, Any] = {
    "input": {"amount": 150.0, "country": "DE"},
    "results": {"check": {"score": 0.9}},
    "prev_step": {},
    "job": {},
}
OURS = "input.amount > 100 and input.country == 'DE' and results.check.score >= 0.8"
SUBSCRIPTS = "input['amount'] > 100 and input['country'] == 'DE' and results['check']['score'] >= 0.8"
JMESPATH = "input.amount > `100` && input.country == 'DE' && results.check.score >= `0.8`"
CEL = "input.amount > 100.0 && input.country == 'DE' && results.check.score >= 0.8"

Test = Callable[[], Any]


def ours() -> Test:
    """Compiled to closures."""
    from agent_framework.config.conditions import parse_condition

    parse_condition.cache_clear()
    holds = parse_condition(OURS).holds
    return lambda: holds(CONTEXT)


def explained() -> Test:
    """The same with what it read, as it is recorded."""
    from agent_framework.config.conditions import parse_condition

    parse_condition.cache_clear()
    condition = parse_condition(OURS)
    return lambda: condition.explain(CONTEXT)


def python() -> Test:
    """``eval`` of compiled code: what nobody may do with text from a file."""
    code = compile(SUBSCRIPTS, "<condition>", "eval")
    names = {**CONTEXT, "__builtins__": {}}
    return lambda: eval(code, names)


def simpleeval() -> Test:
    """simpleeval, parsed once."""
    from simpleeval import SimpleEval

    evaluator = SimpleEval(names=CONTEXT)
    parsed = evaluator.parse(SUBSCRIPTS)
    return lambda: evaluator.eval(SUBSCRIPTS, previously_parsed=parsed)


def jmespath() -> Test:
    """jmespath, compiled once."""
    import jmespath as library

    compiled = library.compile(JMESPATH)
    return lambda: compiled.search(CONTEXT)


def cel() -> Test:
    """The Common Expression Language, compiled once."""
    import cel as library

    program = library.compile(CEL)
    return lambda: program.execute(CONTEXT)


KINDS = {
    "ours": ours,
    "explained": explained,
    "eval": python,
    "simpleeval": simpleeval,
    "jmespath": jmespath,
    "cel": cel,
}


def main() -> None:
    """One turn."""
    given = order()
    make = KINDS[given["kind"]]
    make()  # whatever is imported for it
    begun = time.process_time()
    test = make()
    compile_us = (time.process_time() - begun) * 1e6
    assert test()
    times = range(given["times"])
    begun = time.process_time()
    for _ in times:
        test()
    seconds = time.process_time() - begun
    facts = {"versions": versions(given["distributions"])}
    print(json.dumps({"a_second": given["times"] / seconds, "compile_us": compile_us, "facts": facts}))


if __name__ == "__main__":
    main()
