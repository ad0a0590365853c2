"""Read the pages for people: which commands they name, and how they are built."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
QUOTED = re.compile(r"`((?:make|greenflow|\.venv/bin/greenflow|prefect|git|cp) [^`]+)`")
IN_A_REMARK = re.compile(r"\.venv/bin/greenflow .*|make [a-z-]+")


def commands(page: str) -> list[str]:
    """Return every command that a page tells a reader to run: in its shell blocks, their remarks, and its text."""
    text = (ROOT / page).read_text("utf-8")
    lines = (line for block in SHELL.findall(text) for line in block.splitlines() if line.strip())
    found = []
    for line in lines:
        command, _, remark = line.partition(" #")
        found += [command.strip(), *IN_A_REMARK.findall(remark)]
    found += QUOTED.findall(FENCED.sub("", text))
    return list(dict.fromkeys(map(bare, found)))


def bare(command: str) -> str:
    """Write a command in the one way in which pages may shorten it."""
    return " ".join(command.removeprefix(".venv/bin/").split())


def headings(page: str) -> list[str]:
    """Return a page's headings, each as its level."""
    return re.findall(r"^(#+) ", FENCED.sub("", (ROOT / page).read_text("utf-8")), re.MULTILINE)
