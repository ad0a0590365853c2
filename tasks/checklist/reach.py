"""Checklist: what the release will need is there before anything is touched: tools, databases, Redis."""

import shutil
from collections.abc import Iterator

from tasks.checklist.subject import Subject
from tasks.clients.postgres import database_name, open_to_look, server_version, tool
from tasks.clients.redis import open_redis
from tasks.clients.shell import search_path
from tasks.errors import ReleaseError
from tasks.models import Check
from tasks.secrets import read_secret
from tasks.sentences import sentence
from tasks.settings import Settings


def check_reach(settings: Settings, _: Subject) -> tuple[Check, ...]:
    """Look for every program a release starts, and ask the databases and Redis for a sign of life."""
    return (_programs(settings), *_databases(settings), _redis(settings))


def _programs(settings: Settings) -> Check:
    build, migration = settings.build, settings.migration
    commands = (build.install, build.lint, build.typecheck, build.build)
    npm = {command[0] for command in (*commands, migration.install, migration.migrate, migration.status)}
    tools = settings.database.tools
    wanted = {"git", *npm, tool(tools, "pg_dump"), tool(tools, "pg_restore")}
    path = search_path(build.path)["PATH"]
    missing = sorted(name for name in wanted if shutil.which(name, path=path) is None)
    right = sentence("all {count}", count=len(wanted))
    return Check.of(
        "programs",
        ok=not missing,
        found=sentence("no {names}", names=", ".join(missing)) if missing else right,
        expected=", ".join(sorted(name.rpartition("/")[2] for name in wanted)),
        note=sentence("install them, or set {keys}", keys="build.path, database.tools") if missing else "",
    )


def _databases(settings: Settings) -> Iterator[Check]:
    references = {"database": settings.database.url, "scratch database": settings.database.scratch_url}
    for name, reference in references.items():
        if reference is None:
            continue
        expected = sentence("an answer")
        try:
            url = read_secret(reference, settings.aws)
            with open_to_look(url, doing=sentence("look at the {name}", name=name)) as connection:
                _, version = server_version(connection)
        except ReleaseError as error:
            yield Check.of(name, ok=False, found=error, expected=expected)
        else:
            yield Check.of(name, ok=True, found=f"PostgreSQL {version}, {database_name(url)}", expected=expected)


def _redis(settings: Settings) -> Check:
    try:
        url = read_secret(settings.cache.url, settings.aws)
        with open_redis(url, timeout_s=settings.aws.request_timeout_s, doing="look at Redis") as client:
            said = client.ping()
    except ReleaseError as error:
        return Check.of("Redis", ok=False, found=error, expected="PONG")
    return Check.of("Redis", ok=bool(said), found="PONG" if said else said, expected="PONG")
