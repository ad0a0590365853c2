"""Compare a schema before and after a migration: what would the version in production meet? (safety I17).

An own look at the catalogue, beside the reading of the migration's text: whatever a migration did, by function or
trigger or another tool, it shows here.
"""

from collections.abc import Mapping
from typing import NamedTuple

from psycopg import sql

from tasks.clients.postgres import Connection
from tasks.sentences import sentence

OURS = sql.SQL("n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'")
COLUMNS = sql.SQL("""
    SELECT n.nspname || '.' || c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
        a.atthasdef OR a.attidentity <> '' FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped
        AND {ours}""").format(ours=OURS)
RULES = sql.SQL("""
    SELECT n.nspname || '.' || c.relname, 'constraint ' || k.conname, pg_get_constraintdef(k.oid) FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE k.contype <> 'n' AND {ours}
    UNION ALL
    SELECT n.nspname || '.' || c.relname, 'unique index ' || i.indexrelid::regclass, pg_get_indexdef(i.indexrelid)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE i.indisunique AND {ours} AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)
    UNION ALL
    SELECT n.nspname || '.' || c.relname, 'trigger ' || t.tgname, pg_get_triggerdef(t.oid) FROM pg_trigger t
    JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT t.tgisinternal AND {ours}""").format(ours=OURS)
LABELS = sql.SQL("""
    SELECT n.nspname || '.' || t.typname, e.enumlabel FROM pg_enum e
    JOIN pg_type t ON t.oid = e.enumtypid JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE {ours}""").format(ours=OURS)


class Column(NamedTuple):
    """Hold what a version counts on in one column."""

    type: str
    is_required: bool
    has_default: bool


class Shape(NamedTuple):
    """Hold a schema: columns by (table, column), rules by (table, name), labels as (type, label)."""

    columns: Mapping[tuple[str, str], Column]
    rules: Mapping[tuple[str, str], str]
    labels: frozenset[tuple[str, str]]

    @property
    def tables(self) -> frozenset[str]:
        """Return the tables and views."""
        return frozenset(table for table, _ in self.columns)


def read_shape(connection: Connection) -> Shape:
    """Return the schema as the catalogue has it, without PostgreSQL's own parts."""
    columns = {(table, name): Column(*rest) for table, name, *rest in connection.execute(COLUMNS)}
    rules = {(table, name): str(text) for table, name, text in connection.execute(RULES)}
    labels = frozenset((str(kind), str(label)) for kind, label in connection.execute(LABELS))
    return Shape(columns, rules, labels)


def breaks(before: Shape, after: Shape) -> tuple[str, ...]:
    """List what the version of ``before`` would miss, or be refused, on ``after``; empty when it goes on as it did."""
    return (*_missing(before, after), *_narrower(before, after), *_refusing(before, after))


def _missing(before: Shape, after: Shape) -> list[str]:
    tables = sorted(before.tables - after.tables)
    columns = sorted(f"{table}.{name}" for table, name in before.columns.keys() - after.columns.keys())
    gone = [name for name in columns if name.rpartition(".")[0] not in tables]
    labels = [
        sentence("{kind} lost its value {label}", kind=kind, label=label)
        for kind, label in sorted(before.labels - after.labels)
    ]
    return [*(sentence("{name} is gone", name=name) for name in (*tables, *gone)), *labels]


def _narrower(before: Shape, after: Shape) -> list[str]:
    found: list[str] = []
    for (table, column), old in sorted(before.columns.items()):
        new, name = after.columns.get((table, column), old), f"{table}.{column}"
        if new.type != old.type:
            found.append(sentence("{name} became {new}, was {old}", name=name, new=new.type, old=old.type))
        if new.is_required and not old.is_required:
            found.append(sentence("{name} became NOT NULL", name=name))
        if old.has_default and not new.has_default:
            found.append(sentence("{name} lost its default", name=name))
    return found


def _refusing(before: Shape, after: Shape) -> list[str]:
    """List what a table that existed before refuses since: old writers do not know of it."""
    columns = [
        sentence("{name} is new, NOT NULL and without a default", name=f"{table}.{name}")
        for (table, name), column in sorted(after.columns.items())
        if table in before.tables
        and (table, name) not in before.columns
        and column.is_required
        and not column.has_default
    ]
    rules = [
        sentence("{table} has a new {rule}", table=table, rule=name)
        for (table, name), text in sorted(after.rules.items())
        if table in before.tables and before.rules.get((table, name)) != text
    ]
    return [*columns, *rules]
