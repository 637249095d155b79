"""The table of training loops in docs/fine-tuning.md is the tests' own: a row for each mark `loop`, as marked."""

from __future__ import annotations

import ast
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "fine-tuning.md"
FILES = ("test_anchor.py", "test_loops.py", "test_trainers.py")


def rows():
    """The arguments of every mark, in the order of the tests, read rather than run: extras may be absent."""
    for file in FILES:
        for node in ast.parse((HERE / file).read_text(encoding="utf-8")).body:
            for call in getattr(node, "decorator_list", ()):
                if isinstance(call, ast.Call) and ast.unparse(call.func) in ("loop", "pytest.mark.loop"):
                    yield tuple(ast.literal_eval(argument) for argument in call.args)


def table():
    return "\n".join(["| loop | outcome | how |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows())])


def test_the_page_shows_the_loops_that_are_tested():
    assert table() in PAGE.read_text(encoding="utf-8"), f"docs/fine-tuning.md must hold\n{table()}"


if __name__ == "__main__":
    print(table())
