"""Read what is written in Korean as somebody would who reads nothing else, and find what is left in English."""

import re

from flows.core.report import ReleaseReport
from flows.core.report_markdown import markdown
from tasks.sentences import speaking

FOREIGN = re.compile(
    r"^ {7}.*$"  # a command to copy
    r"|`[^`]*`|\\`.*?\\`"  # what is quoted: commands, keys
    r"|\S*[/:.=@]\S*|\S*_\S*|\S*\d\S*"  # addresses, paths, keys, ids, numbers with their units
    r"|\b(?:greenflow|npm|node|git|aws|vercel|podman|docker|infra|autocannon)(?: [a-z|-]+)*",
    re.MULTILINE,
)
NAMES = frozenset(
    {
        *(
            "rehearsal",
            "root",
            "tests",
            "available",
            "streaming",
            "true",
            "false",
            "ok",
            "high",
            "promote",
            "ms",
            "min",
        ),
        *("immutable", "public", "preload", "nosniff", "none", "self", "gzip"),
        *("postgres", "redis", "valkey", "master", "preferred", "slack", "on"),
        *("before", "at", "last", "attempt"),
    }
)
"""What both languages call by the same word: names, units, other systems' own states and values, keys of effects."""
WORDS = re.compile(r"(?<![\w-])[a-z][a-z']+(?![\w-])")


def english_in(text: str) -> set[str]:
    """Return the English words of ours that are left in a text."""
    return set(WORDS.findall(FOREIGN.sub(" ", text).replace("'", " "))) - NAMES


def english_left(report: ReleaseReport) -> list[str]:
    """Return the lines of a report written in Korean that still hold an English word of ours."""
    with speaking("ko"):
        lines = markdown(report).splitlines()
    return [line for line in lines if english_in(line)]
