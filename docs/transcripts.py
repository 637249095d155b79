"""Runs the commands shown in documents and puts what they print below them.

In the named Markdown files, a `python` block that starts with a comment `# NAME.py` is written as that file, and in a
`console` block every line after `$ ` is run, all in one empty folder that holds the raw tables; whatever stood between
the commands is replaced. A command that fails stops it.

    python docs/transcripts.py README.md docs/tables.md [--data FOLDER]
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

BLOCK = re.compile(r"```(python|console)\n(.*?)```", re.DOTALL)


def rerun(document: Path, folder: Path) -> None:
    """Replace the outputs in one document."""

    def renewed(block: re.Match[str]) -> str:
        language, text = block.groups()
        if language == "python":
            name = re.match(r"# (\S+\.py)\n", text)
            if name is not None:
                (folder / name[1]).write_text(text)
            return block[0]
        commands = re.findall(r"^\$ (.*)$", text, re.MULTILINE)
        shown = "".join(f"$ {command}\n{printed}\n" if (printed := output(command, folder)) else f"$ {command}\n"
                        for command in commands)  # fmt: skip
        return f"```console\n{shown.rstrip()}\n```"

    document.write_text(BLOCK.sub(renewed, document.read_text()))


def output(command: str, folder: Path) -> str:
    """What a command prints, to either stream."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env={**os.environ, "PATH": path}, check=False, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{command}: exit status {done.returncode}\n{done.stdout}")
    return done.stdout


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Run the commands shown in documents again.")
    parser.add_argument("documents", nargs="+", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/tabular"), help="folder of the raw tables")
    given = parser.parse_args()
    for document in given.documents:
        with tempfile.TemporaryDirectory() as name:
            for table in given.data.glob("*.csv"):
                shutil.copy(table, name)
            rerun(document, Path(name))
