"""Make any text safe to look at: pages, tables and terminals show what people and other systems say (safety I23)."""

import re

from tasks.sentences import spoken

UNSEEN = "\N{REPLACEMENT CHARACTER}"
MARKDOWN = re.compile(r"[\\`*\[\]<|~&]|(?<!\w)_|_(?!\w)")


def visible(text: str) -> str:
    """Write a text as its readers speak, without what can be read and not seen, such as direction characters.

    White space stays.
    """
    shown = spoken(text)
    return "".join(letter if letter.isprintable() or letter.isspace() else UNSEEN for letter in shown)


def one_line(text: str) -> str:
    """Write a text on one line, whatever is in it."""
    return " ".join(visible(text).split())


def in_markdown(text: str) -> str:
    """Write a text on one line so that markdown shows it and does not obey it."""
    return MARKDOWN.sub(lambda found: "\\" + found.group(), one_line(text))
