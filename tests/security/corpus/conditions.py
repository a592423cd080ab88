"""Conditions of selection rules. `CANARY_FILE` is what a hostile one would make if it ran."""

import builtins
import keyword
from itertools import product

CANARY_FILE = "made-by-a-condition"
ROOTS = ("input", "results", "prev_step", "job")
_TOUCH = f"__import__('pathlib').Path('{CANARY_FILE}').touch()"

_DUNDERS = """
    __class__ __bases__ __base__ __mro__ __subclasses__ __globals__ __builtins__ __dict__ __init__ __new__ __del__
    __getattribute__ __getattr__ __setattr__ __call__ __code__ __closure__ __func__ __self__ __module__ __import__
    __loader__ __spec__ __file__ __name__ __reduce__ __reduce_ex__ __getstate__ __class_getitem__ __init_subclass__
    __subclasshook__ __format__ __sizeof__ __dir__ __doc__ __hash__ __eq__ __iter__ __next__ __enter__ __exit__
    __await__ __missing__ __len__ __contains__ __getitem__
""".split()
_BUILTINS = sorted({*dir(builtins)} - {"True", "False", "None", "input"})
_KINDS = """
    lambda: 1 | (lambda x: x)(input.a) | [x for x in input.a] | {x for x in input.a} | {x: 1 for x in input.a}
    (x for x in input.a) | (x := input.a) == 1 | input.a if input.b else input.c | f'{input.a}' == 'x' | {} | {'a': 1}
    {1, 2} | (1, 2) | () | input.a[0] == 1 | input['a'] == 1 | input.a[1:2] == [] | input[:] == 1 | *input.a
    [*input.a] == 1 | await input.a | yield input.a | (yield) | input.a + 1 == 2 | input.a - 1 == 2 | input.a * 2 == 2
    input.a / 2 == 2 | input.a // 2 == 2 | input.a % 2 == 0 | input.a ** 2 == 4 | input.a @ input.b == 1
    input.a << 2 == 1 | input.a >> 2 == 1 | input.a & input.b | input.a ^ input.b == 1 | ~input.a == 1
    +input.a == 1 | -input.a == 1 | 1 < input.a < 3 | input.a == 1 == 1 | input.a is null | input.a is not null
    input.a in input.b in input.c | not not | and input.a | input.a and | input.a or or input.b | == 1 | input.a ==
    'x'.upper() == 'X' | 'x'.format(input) == 'x' | '%s' % input.a == 'x' | input.a.lower() == 'x' | input.get('a')
    input.keys() == 1 | input.items() == 1 | input.pop('a') | results.clear() | results.update(input.a)
    always() | exists() | exists('input.a') | exists(input.a, input.b) | exists(path=input.a) | exists(*input.a)
    exists(exists(input.a)) | exists(os.environ) | len() == 1 | len('abc') == 3 | len(input.a, input.b) == 1
    len(len(input.a)) == 1 | len(**input) == 1 | exists[input.a] | exists.input.a | len.input == 1
    input.a == 1; input.b == 2 | input.a == 1, input.b == 2 | input.a == 1 # comment | (input.a == 1 | input.a == 1)
    [input.a == 1 | input.a == 'open | input.a == "open | input..a == 1 | .input.a == 1 | input.a. == 1 | input.1 == 1
    'x' 'y' == input.a | 1 | 0 | 3.5 | 'text' | [] | [input.a] | -1 | '' | "" | true.a | always.a == 1 | null.x == 1
"""
_STATEMENTS = """
    import os | from os import system | del input.a | pass | return input.a | raise ValueError | assert input.a
    global input | nonlocal input | while True: pass | for x in input.a: pass | with input.a: pass | try: pass
    def f(): pass | class A: pass | @input.a | print input.a | exec 'x' | input.a = 1 | input.a += 1 | input.a: int = 1
    x = 1 | async def f(): pass | match input.a: | type X = int | if input.a: pass
""".replace("\n", "|").split("|")
_LITERALS = """
    0x10 0o7 0b1 1_000 00 007 1j 1.5j 1e999 -1e999 9e99999 1__0 0_0 1_ 0xg b'x' r'x' u'x' rb'x' f'x' B'x' R'x' U'x' F'x'
    Br'x' '''x''' \"\"\"x\"\"\" ... Ellipsis NotImplemented nan inf -inf infinity NaN undefined none TRUE FALSE NULL nil
    0XFF 0B1 0O7 1E400 .e1 1.e 1..2 1.2.3 +1 --1 -+1 ~1 -'x' -true -null -[] @1 $1 €1 1L 1l 1f 0777 1,000
""".split()
_FOREIGN = [
    "' OR '1'='1", "1; DROP TABLE jobs", "input.a == 1 -- ", "input.a == 1 /* x */", "admin'--", "'; EXEC xp_cmdshell",
    f"$(touch {CANARY_FILE})", f"`touch {CANARY_FILE}`", f"; touch {CANARY_FILE}", f"| touch {CANARY_FILE}",
    f"&& touch {CANARY_FILE}", f"\ntouch {CANARY_FILE}", "${7*7}", "{{7*7}}", "{% import os %}", "#{7*7}", "<%= 7*7 %>",
    "{{ config.items() }}", "${jndi:ldap://127.0.0.1/x}", "{{''.__class__.__mro__}}", "%s%s%s%n", "{0.__class__}",
    "{input.__class__}", "!!python/object/apply:os.system ['x']", "<script>alert(1)</script>", "javascript:alert(1)",
    "../../etc/passwd", "file:///etc/passwd", "http://127.0.0.1/", "\\x41", "\\u0041", "eval`1`", "(() => 1)()",
    "function(){}", "new Date()", "this.constructor", "input?.a", "input->a", "input::a", "input!.a", "input.a ?? 1",
    "input.a ? 1 : 2", "$input.a == 1", "@input.a == 1", "#input.a == 1", "%input.a% == 1", "[[ input.a ]]",
]  # fmt: skip
_OPERATORS = [
    "=",
    "===",
    "!==",
    "<>",
    "=>",
    "=<",
    "~=",
    "=~",
    "!~",
    "&&",
    "||",
    "^^",
    "**",
    "//",
    "<<",
    ">>",
    "->",
    ":=",
]
_OPERATORS += [
    "like",
    "is",
    "eq",
    "ne",
    "lt",
    "gt",
    "contains",
    "between",
    "matches",
    "=~=",
    "<=>",
    "?=",
    "!",
    "::",
    "..",
]
_NAMES = """
    os sys self cls agent context env environ config settings request response data output outputs result step steps
    previous inputs Input INPUT Results JOB Job prev prev_steps user users payload item items this globals locals vars
    builtins subprocess pathlib importlib pickle ctypes socket shutil agents project stage rule rules condition db
    storage queue secrets password token key x a _ __ ___ input_ _input input1 jobs
""".split()

_SOFT = {*keyword.softkwlist}
_KIND_TEXTS = [text.strip() for text in _KINDS.replace("\n", "|").split("|") if text.strip()]


def _look_alikes() -> list[str]:
    """Letters of the roots from other blocks, which Python would read as the same name, and others it would not."""
    wide = {char: chr(ord(char) + 0xFEE0) for char in "abcdefghijklmnopqrstuvwxyz_"}
    bold = {char: chr(0x1D41A + ord(char) - 97) for char in "abcdefghijklmnopqrstuvwxyz"}
    cyrillic = dict(zip("aceopxyijs", "асеорхуіјѕ", strict=True))
    made: list[str] = []
    for table, root in product((wide, bold, cyrillic), ROOTS):
        for position, char in enumerate(root):
            if char in table:
                made.append(f"{root[:position]}{table[char]}{root[position + 1 :]}.a == 1")
    return made


def _invisible() -> list[str]:
    marks = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u202e\u202d\u2066\u2069\u180e\u00a0\u3000\u2028\u2029\x00\x1b\x7f\x85"
    return [text for mark in marks for text in (f"inp{mark}ut.a == 1", f"input.a {mark}== 1", f"input{mark}.a == 1")]


def _too_much() -> list[str]:
    deep = [f"{opening * 30}input.a{closing * 30}" for opening, closing in (("not ", ""), ("not (", ")"))]
    deep += [
        f"{'[' * 30}{']' * 30} == input.a",
        f"{'(' * 250}input.a{')' * 250}",
        f"{'(' * 400} input.a",
        "-" * 300 + "1",
    ]
    wide = ["input." + ".".join(["a"] * size) + " == 1" for size in (20, 21, 50, 400)]
    long = [f"input.a == '{'x' * size}'" for size in (1000, 10_000, 100_000)]
    numbers = [f"input.a == {'9' * size}" for size in (310, 400, 900)]
    return deep + wide + long + numbers + [" or ".join(["input.a"] * 200), " and ".join(["always"] * 200), "x" * 5000]


HOSTILE: dict[str, list[str]] = {
    "calls of builtins": [f"{name}({argument})" for name in _BUILTINS for argument in ("", "input.a", "'x'")],
    "builtins as paths": [f"{name}.a == 1" for name in _BUILTINS],
    "ways to other objects": [
        form.format(dunder)
        for dunder in _DUNDERS
        for form in ("input.{}", "input.a.{} == 1", "results.{}.x == 1", "().{} == 1", "'x'.{}", "input.{}()")
    ],
    "code that would make a file": [
        form.format(_TOUCH)
        for form in (
            "{}",
            "{} == null",
            "input.a == {}",
            "not {}",
            "always and {}",
            "exists({})",
            "len({}) == 1",
            "[{}] == []",
            "input.a in [{}]",
            "({})",
            "lambda: {}",
            "(x := {})",
            "f'{{{}}}' == 'x'",
            "input.a if {} else input.b",
            "input[{}]",
            "input.a.b({})",
            "{{{}: 1}}",
            "{{{}}}",
            "({},)",
            "-{} == 1",
            "{} + 1 == 1",
            "{} < 1 < 2",
            "always\n{}",
            "always; {}",
            "always # \n{}",
            'eval("{}")',
            'exec("{}")',
            "compile(\"{}\", '', 'eval')",
            "[{} for x in input.a]",
            "(await {})",
            "*{}",
            "{} is null",
            "exists(path={})",
        )
    ],
    "Python's other expressions": _KIND_TEXTS,
    "statements": [text.strip() for text in _STATEMENTS if text.strip()],
    "words of Python": [f"{word} == 1" for word in keyword.kwlist if word not in ("True", "False", "None", "not")],
    "other ways to write values": [f"input.a == {literal}" for literal in _LITERALS if literal not in ("00",)],
    "other languages": _FOREIGN,
    "other operators": [f"input.a {operator} 1" for operator in _OPERATORS],
    "unknown names": [f"{name}.a == 1" for name in _NAMES if name not in _SOFT],
    "look-alike letters": _look_alikes(),
    "invisible characters": _invisible(),
    "too long, too deep, too large": _too_much(),
}

_VALUES = ["1", "-2.5", "1e3", ".5", "'text'", '"text"', "''", "true", "False", "null", "None", "[1, 'a', null]", "[]"]
_PATHS = ["input.a", "input.order_total", "results.writer.text", "prev_step.score", "job.run", "input", "input.a.b.c"]
LEGITIMATE: dict[str, list[str]] = {
    "comparisons": [
        f"{path} {operator} {value}"
        for path, operator, value in product(_PATHS, ["==", "!=", "<", "<=", ">", ">="], _VALUES)
    ],
    "memberships": [f"{value} {word} {path}" for value, word, path in product(_VALUES, ["in", "not in"], _PATHS)],
    "functions": [text for path in _PATHS for text in (f"exists({path})", f"len({path}) > 2", f"not exists({path})")],
    "words": ["always", "true", "false", "null", "not always", "(always)", "always or input.a", "True and False"],
    "texts that look like code": [
        f"input.a == {text!r}"
        for text in [*_FOREIGN, "__import__('os')", "input.b == 2", "always", "é", "日本", "a # b"]
        if "\\" not in text and "\n" not in text
    ],
    "combinations": [
        f"{left} {word} {right}"
        for left, word, right in product(
            ["input.a == 1", "not input.b", "(input.c or input.d)", "exists(results.x)"],
            ["and", "or"],
            ["always", "input.e"],
        )
    ],
}
