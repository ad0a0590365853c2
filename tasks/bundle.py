"""Look at what was built as a browser would: how heavy it is, and what it gives away (guide 1.1, 1.2)."""

import gzip
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import PermanentError
from tasks.models import Check
from tasks.sentences import sentence
from tasks.site_values import secret_in

KILOBYTE = 1000
HOSTING = "vercel.json"
PRIVATE = re.compile(r"^(\.env.*|\.npmrc|\.git.*|.*\.(pem|key|p12|pfx|dump|sql|log))$", re.IGNORECASE)
"""What no browser needs and everybody could fetch; `.well-known` is none of it."""
SHOWN = 3


@dataclass(frozen=True)
class Bundle:
    """Hold the files of a built site; maps and the host's own file are nothing a browser loads."""

    folder: Path
    loaded: tuple[Path, ...]
    maps: tuple[Path, ...]
    raw_bytes: int
    gzip_bytes: int

    @property
    def text(self) -> str:
        """Give everything a browser can load as one text: what a file is called says nothing of what it holds."""
        return "\n".join(path.read_text("utf-8", "replace") for path in self.loaded)

    @property
    def private(self) -> tuple[Path, ...]:
        """List what was copied into the site and is nobody's business."""
        inside = ((path, path.relative_to(self.folder).parts) for path in self.loaded)
        return tuple(path for path, parts in inside if any(PRIVATE.match(part) for part in parts))

    def names(self, paths: Iterable[Path]) -> str:
        """Write the first few of these files for a message."""
        listed = [path.relative_to(self.folder).as_posix() for path in paths]
        more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
        return ", ".join(listed[:SHOWN]) + more


def read_bundle(folder: Path) -> Bundle:
    """Read a built site; raises PermanentError when there is none."""
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    if folder / "index.html" not in files:
        msg = sentence(
            "could not find the built site: {name}/index.html is missing; check build.output_directory",
            name=folder.name,
        )
        raise PermanentError(msg)
    maps = tuple(path for path in files if path.suffix == ".map")
    loaded = tuple(path for path in files if path not in maps and path != folder / HOSTING)
    raw = sum(path.stat().st_size for path in loaded)
    packed = sum(len(gzip.compress(path.read_bytes(), mtime=0)) for path in loaded)
    return Bundle(folder, loaded, maps, raw, packed)


def check_bundle(bundle: Bundle, *, budget_kb: float, commit: str, api_base: str) -> tuple[Check, ...]:
    """Check weight, contents and secrecy of a built site; ``budget_kb`` in units of 1,000 bytes, uncompressed."""
    text = bundle.text
    return (
        _weight(bundle, budget_kb),
        _contains("commit in the bundle", text, commit),
        _contains("API base in the bundle", text, api_base),
        _no_maps(bundle, text),
        _no_secret(text),
        _no_private_file(bundle),
    )


def _weight(bundle: Bundle, budget_kb: float) -> Check:
    return Check.of(
        "bundle size",
        ok=bundle.raw_bytes <= budget_kb * KILOBYTE,
        found=f"{bundle.raw_bytes / KILOBYTE:.1f} kB",
        expected=sentence("at most {bound:g} kB", bound=budget_kb),
        note=sentence(
            "{gzip_kb:.1f} kB with gzip, {files} files, without source maps",
            gzip_kb=bundle.gzip_bytes / KILOBYTE,
            files=len(bundle.loaded),
        ),
    )


def _contains(name: str, text: str, wanted: str) -> Check:
    ok = bool(wanted) and wanted in text
    return Check.of(name, ok=ok, found=wanted if ok else "not there", expected=wanted or "a value")


def _no_maps(bundle: Bundle, text: str) -> Check:
    found = bundle.names(bundle.maps) or ("a reference to one" if "sourceMappingURL=" in text else "none")
    return Check.of("source maps in the bundle", ok=found == "none", found=found, expected="none")


def _no_private_file(bundle: Bundle) -> Check:
    found = bundle.names(bundle.private) or "none"
    return Check.of("private files in the bundle", ok=found == "none", found=found, expected="none")


def _no_secret(text: str) -> Check:
    found = secret_in(text) or "none"
    return Check.of("secrets in the bundle", ok=found == "none", found=found, expected="none")
