"""Tell whether a migration only expands the schema, so that the version in production goes on working (safety I17).

A list of what is known to be harmless: a statement that is not on it is refused. Expand now, contract in a later
release. Locks count, too: what scans or rewrites a table in use while holding it is refused.
"""

import re
from collections.abc import Callable, Iterable

from tasks.sentences import named, sentence

# The part of a file that undoes it, as node-pg-migrate, dbmate and goose mark it.
UP = re.compile(r"^\s*--[\s-]*(?:up\s+migration|migrate:up|\+goose\s+up)\b", re.IGNORECASE | re.MULTILINE)
DOWN = re.compile(r"^\s*--\s*(?:down migration|migrate:down\b.*|\+goose down)\s*$", re.IGNORECASE | re.MULTILINE)
# A quote or a dollar inside of a word opens no text: what follows it would be run, unseen by us.
TOKENS = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?\*/)
    |(?P<text>(?<![\w$])[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'
        |(?<![\w$])(?P<tag>\$(?:[A-Za-z_]\w*)?\$).*?(?P=tag))
    |(?P<name>"(?:[^"]|"")*")""",
    re.DOTALL | re.VERBOSE,
)
NAME = r'(?:ONLY\s+)?(?:IF\s+(?:NOT\s+)?EXISTS\s+)?((?:[\w$]+|"[^"]*")(?:\s*\.\s*(?:[\w$]+|"[^"]*"))?)'
ALTER_TABLE = re.compile(rf"^ALTER TABLE {NAME}\s+(.+)$", re.IGNORECASE)
CREATE_TABLE = re.compile(rf"^CREATE(?: UNLOGGED)? TABLE {NAME}", re.IGNORECASE)
CREATE_INDEX = re.compile(rf"^CREATE (UNIQUE )?INDEX (CONCURRENTLY )?.*?\bON {NAME}", re.IGNORECASE)
INSERT = re.compile(rf"^INSERT INTO {NAME}", re.IGNORECASE)
HARMLESS = re.compile(
    r"^(?:BEGIN|COMMIT|START TRANSACTION|SET (?:LOCAL |SESSION )?(?:lock|statement)_timeout\b.*|COMMENT ON .*|"
    r"CREATE (?:SCHEMA|SEQUENCE|VIEW|FUNCTION|EXTENSION|DOMAIN|TYPE|COLLATION|STATISTICS)\b.*|GRANT .*|"
    r"ALTER TYPE \S+ ADD VALUE .*)$",
    re.IGNORECASE,
)
ADD_COLUMN = re.compile(
    r"^ADD (?:COLUMN )?(?:IF NOT EXISTS )?(?!CONSTRAINT\b|CHECK\b|UNIQUE\b|PRIMARY\b|FOREIGN\b|EXCLUDE\b)\S+",
    re.IGNORECASE,
)
CONSTANT_DEFAULT = re.compile(
    r"\bDEFAULT\s+(?:''|[-+]?\d+(?:\.\d+)?|TRUE|FALSE|NULL|now\s*\(\s*\)|CURRENT_TIMESTAMP|CURRENT_DATE)"
    r"(?:\s*::\s*\w+(?:\s*\(\s*\d+(?:\s*,\s*\d+)?\s*\))?)?(?:\s+(?:NOT\s+)?NULL)?$",
    re.IGNORECASE,
)
IN_COLUMN = {
    "NOT NULL without a constant DEFAULT": re.compile(r"\bNOT NULL\b", re.IGNORECASE),
    "a DEFAULT that rewrites the table": re.compile(r"\bDEFAULT\b", re.IGNORECASE),
}
HEAVY_COLUMN = re.compile(
    r"\b(UNIQUE|PRIMARY KEY|REFERENCES|CHECK|GENERATED|(?:SMALL|BIG)?SERIAL\d?|EXCLUDE)\b", re.IGNORECASE
)


def contractions(migration: str) -> list[str]:
    """List what in the up part of a migration is not known to be an expansion: ``<statement>: <why>``.

    An empty list means that it only expands.
    """
    found = list(statements(migration))
    fresh = {_plain(match[1]) for text in found if (match := CREATE_TABLE.match(text))}
    return [
        sentence("{what}: {why}", what=_short(text), why=named(why))
        for text in found
        if (why := _objection(text, fresh))
    ]


def statements(migration: str) -> Iterable[str]:
    """Give the statements of the up part, each on one line, without comments and with texts emptied."""
    bare = TOKENS.sub(_without_content, up_part(migration))
    return filter(None, (" ".join(part.split()) for part in bare.split(";")))


def up_part(migration: str) -> str:
    """Return what of a migration is run to apply it: all before the part that undoes it.

    With the parts in another order, all of it.
    """
    up, *down = DOWN.split(migration, maxsplit=1)
    return migration if any(map(UP.search, down)) else up


def _without_content(token: re.Match[str]) -> str:
    if token["comment"]:
        return " "
    return "''" if token["text"] else re.sub(r"[;\s]", "_", token["name"])


def _objection(statement: str, fresh: set[str]) -> str:
    """Say why a statement is refused, or nothing; ``fresh`` tables were made by this very migration."""
    rules: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], set[str]], str]], ...] = (
        (HARMLESS, lambda _, __: ""),
        (CREATE_TABLE, _table_objection),
        (CREATE_INDEX, _index_objection),
        (INSERT, _insert_objection),
        (ALTER_TABLE, _alter_objection),
    )
    for pattern, judge in rules:
        if match := pattern.match(statement):
            return judge(match, fresh)
    return "not known to be an expansion"


def _table_objection(match: re.Match[str], _: set[str]) -> str:
    inherits = re.search(r"\b(?:PARTITION OF|INHERITS)\b", match.string, re.IGNORECASE)
    return "it becomes part of a table in use" if inherits else ""


def _index_objection(match: re.Match[str], fresh: set[str]) -> str:
    unique, concurrently, table = match.groups()
    if _plain(table) in fresh:
        return ""
    if unique:
        return "a unique index may refuse what the version in production writes"
    return "" if concurrently else "without CONCURRENTLY it blocks every write to the table"


def _insert_objection(match: re.Match[str], fresh: set[str]) -> str:
    return "" if _plain(match[1]) in fresh else "it changes data that the version in production uses"


def _alter_objection(match: re.Match[str], fresh: set[str]) -> str:
    if _plain(match[1]) in fresh:
        return ""
    return next(filter(None, map(_action_objection, _actions(match[2]))), "")


def _action_objection(action: str) -> str:
    if not ADD_COLUMN.match(action):
        return "of a table in use, only ADD COLUMN is known to be an expansion"
    if heavy := HEAVY_COLUMN.search(action):
        return sentence(
            "a new column with {what} holds the table or refuses what is written today", what=heavy[1].upper()
        )
    if CONSTANT_DEFAULT.search(action):
        return ""
    return next((why for why, pattern in IN_COLUMN.items() if pattern.search(action)), "")


def _actions(text: str) -> list[str]:
    """Split the actions of an ALTER TABLE at the commas outside of parentheses."""
    actions, depth = [""], 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            actions.append("")
        else:
            actions[-1] += character
    return [action.strip() for action in actions]


def _plain(name: str) -> str:
    return name.replace('"', "").replace(" ", "").lower().removeprefix("public.")


def _short(statement: str) -> str:
    longest = 80
    return statement if len(statement) <= longest else statement[: longest - 1] + "…"
