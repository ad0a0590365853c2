"""Look at a site as a browser does: the page, what it loads, and how long both may be kept (guide 2.1, 2.3, 5.1)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from tasks.clients.web import open_web
from tasks.models import Check
from tasks.sentences import named, sentence

OK = 200
YEAR_S = 31_536_000
LOADED = frozenset({"stylesheet", "modulepreload", "preload"})
MAX_AGE = re.compile(r"\bmax-age=(\d+)")


@dataclass(frozen=True)
class SiteLook:
    """Hold what a browser got: the page's status, all text it loaded, and each file's Cache-Control."""

    url: str
    status: int
    text: str = ""
    page_cache: str = ""
    asset_cache: Mapping[str, str] = field(default_factory=dict)


def look_at_site(url: str, *, timeout_s: float, headers: Mapping[str, str] | None = None) -> SiteLook:
    """Load a page and the scripts and styles it names; raises TransientError when the server is not reached."""
    with open_web(url, timeout_s=timeout_s, headers=headers) as web:
        page = web.ask("GET", "/", doing=sentence("load {url}", url=url))
        if page.status_code != OK:
            return SiteLook(url, page.status_code)
        assets = {
            path: web.ask("GET", path, doing=sentence("load {path}", path=path)) for path in _assets(page.text, url)
        }
    failed = next((answer.status_code for answer in assets.values() if answer.status_code != OK), OK)
    return SiteLook(
        url=url,
        status=failed,
        text="\n".join((page.text, *(answer.text for answer in assets.values()))),
        page_cache=page.headers.get("cache-control", ""),
        asset_cache={path: answer.headers.get("cache-control", "") for path, answer in assets.items()},
    )


def check_look(look: SiteLook, *, name: str, commit: str, api_base: str) -> tuple[Check, ...]:
    """Check that a site answers and is the one that was built."""
    return (
        Check.of(
            sentence("{name} answers", name=named(name)),
            ok=look.status == OK,
            found=look.status,
            expected=OK,
            note=look.url,
        ),
        _contains(sentence("commit of the {name}", name=named(name)), look.text, commit),
        _contains(sentence("API base of the {name}", name=named(name)), look.text, api_base),
    )


def check_caching(look: SiteLook, *, name: str) -> tuple[Check, ...]:
    """Check that named assets are kept for a year and the page is asked for each time."""
    short = {path: cache for path, cache in look.asset_cache.items() if not _kept_for_ever(cache)}
    path, cache = next(iter(short.items()), ("", ""))
    return (
        Check.of(
            sentence("assets of the {name} are kept", name=named(name)),
            ok=bool(look.asset_cache) and not short,
            found=_short(path, cache) if short else sentence("{count} assets immutable", count=len(look.asset_cache)),
            expected="every asset immutable for one year",
        ),
        Check.of(
            sentence("page of the {name} is revalidated", name=named(name)),
            ok=_revalidated(look.page_cache),
            found=look.page_cache or "no Cache-Control",
            expected="no-cache, or max-age=0 with must-revalidate",
        ),
    )


def _short(path: str, cache: str) -> str:
    return sentence("{what}: {why}", what=path, why=cache or named("no Cache-Control"))


def _contains(name: str, text: str, wanted: str) -> Check:
    return Check.of(name, ok=wanted in text, found=wanted if wanted in text else "not there", expected=wanted)


def _kept_for_ever(cache: str) -> bool:
    age = MAX_AGE.search(cache)
    return "immutable" in cache and age is not None and int(age[1]) >= YEAR_S


def _revalidated(cache: str) -> bool:
    return "no-cache" in cache or "no-store" in cache or ("max-age=0" in cache and "must-revalidate" in cache)


def _assets(page: str, url: str) -> list[str]:
    """List the paths of scripts and styles of this very host, once each."""
    parser = _References()
    parser.feed(page)
    resolved = (urlsplit(urljoin(f"{url}/", reference)) for reference in parser.found)
    return list(dict.fromkeys(item.path for item in resolved if item.netloc == urlsplit(url).netloc))


class _References(HTMLParser):
    """Collect what a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take the address of a script or of a linked style."""
        given = dict(attrs)
        if tag == "script" and given.get("src"):
            self.found.append(str(given["src"]))
        if tag == "link" and given.get("href") and LOADED & set((given.get("rel") or "").split()):
            self.found.append(str(given["href"]))
