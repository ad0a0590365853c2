"""A deployment's files as Vercel's edge serves them: content type, ETag, and the headers of vercel.json.

https://vercel.com/docs/project-configuration/vercel-json, https://vercel.com/docs/headers/response-headers
"""

from __future__ import annotations

import hashlib
import json
import mimetypes
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.types import Receive, Scope, Send

CONFIGURATION = "vercel.json"

_TYPES = {".js": "application/javascript", ".mjs": "application/javascript", ".woff2": "font/woff2"}
_TEXT = ("text/", "application/javascript", "application/json", "image/svg+xml")
_EVERY_ANSWER = {"server": "Vercel", "x-vercel-cache": "HIT", "strict-transport-security": "max-age=63072000"}
_EVERY_FILE = {"cache-control": "public, max-age=0, must-revalidate", "access-control-allow-origin": "*"}
_KNOWN_KEYS = {"$schema", "version", "framework", "buildCommand", "outputDirectory", "headers"}
_PARAMETER = re.compile(r":\w+([*+?]?)")


class UnknownConfigurationError(ValueError):
    """The configuration asks for something that is served differently here than at Vercel."""


@dataclass(frozen=True)
class HeaderRule:
    """Headers for every path that matches."""

    pattern: re.Pattern[str]
    headers: dict[str, str]


class Site:
    """An ASGI application that answers with a deployment's files, or with Vercel's 404.

    `files` are the contents by path, without a slash at the start; a `vercel.json` among them is obeyed and not
    served. Raises `UnknownConfigurationError` for a configuration this stand-in would not do justice to.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = {path: content for path, content in files.items() if path != CONFIGURATION}
        self._rules = header_rules(files.get(CONFIGURATION, b"{}"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.answer(Request(scope))(scope, receive, send)

    def answer(self, request: Request) -> Response:
        """Answer one request."""
        if request.method not in {"GET", "HEAD"}:
            return PlainTextResponse("Method Not Allowed", HTTPStatus.METHOD_NOT_ALLOWED, _EVERY_ANSWER)
        response = self._answer_file(request)
        for rule in self._rules:
            if rule.pattern.fullmatch(request.url.path):
                response.headers.update(rule.headers)
        return response

    def _answer_file(self, request: Request) -> Response:
        path = self._find(request.url.path)
        if path is None:
            text = "The page could not be found\n\nNOT_FOUND\n"
            headers = {**_EVERY_ANSWER, "x-vercel-error": "NOT_FOUND"}
            return PlainTextResponse(text, HTTPStatus.NOT_FOUND, headers)
        content = self._files[path]
        etag = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
        headers = {**_EVERY_ANSWER, **_EVERY_FILE, "etag": etag, "content-type": content_type(path)}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(content, headers=headers)

    def _find(self, path: str) -> str | None:
        wanted = path.strip("/")
        candidates = (wanted, f"{wanted}/index.html".lstrip("/"))
        return next((candidate for candidate in candidates if candidate in self._files), None)


def content_type(path: str) -> str:
    """Give the Content-Type of a file by its name."""
    suffix = "." + path.rpartition(".")[2]
    kind = _TYPES.get(suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith(_TEXT) else kind


def header_rules(configuration: bytes) -> list[HeaderRule]:
    """Read the header rules of a vercel.json; where two name the same header, the later one wins."""
    try:
        parsed = json.loads(configuration)
    except ValueError as error:
        raise UnknownConfigurationError(f"{CONFIGURATION} is not JSON: {error}") from error
    _refuse_unknown("", parsed, _KNOWN_KEYS)
    rules = parsed.get("headers", [])
    for rule in rules:
        _refuse_unknown("headers.", rule, {"source", "headers"})
    return [HeaderRule(source_pattern(rule["source"]), _header_values(rule["headers"])) for rule in rules]


def source_pattern(source: str) -> re.Pattern[str]:
    """Translate a `source` such as `/assets/(.*)` or `/docs/:path*` into a regular expression."""
    steps: list[str] = []
    position = 0
    for parameter in _PARAMETER.finditer(source):
        steps += [_outside_groups(source[position : parameter.start()]), _parameter_pattern(parameter[1])]
        position = parameter.end()
    return re.compile("".join([*steps, _outside_groups(source[position:])]))


def _parameter_pattern(modifier: str) -> str:
    return {"*": ".*", "+": ".+", "?": "[^/]*"}.get(modifier, "[^/]+")


def _outside_groups(text: str) -> str:
    # In a group a dot stays what it is in `.*`; one that is escaped already stays so, too.
    return re.sub(r"(?<!\\)\.(?![*+?])", r"\.", text)


def _header_values(headers: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {header["key"].lower(): header["value"] for header in headers}


def _refuse_unknown(place: str, found: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(found.keys() - known)
    if unknown:
        raise UnknownConfigurationError(f"the twin does not serve {CONFIGURATION}'s {place}{unknown[0]}")
