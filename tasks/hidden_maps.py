"""Take hidden source maps out of what is served: Sentry gets them, browsers do not (guide, Sentry)."""

import shutil
from pathlib import Path
from typing import Final

MAP: Final = ".map"
REFERENCE: Final = b"sourceMappingURL="


def set_maps_aside(bundle: Path) -> Path | None:
    """Move the maps that no file of the bundle names into a folder beside it; return that folder, or None without any.

    A map that its script names was not meant to be hidden: it stays where the bundle's checks find it.
    """
    aside = bundle.with_name(f"{bundle.name}-maps")
    shutil.rmtree(aside, ignore_errors=True)
    hidden = [path for path in sorted(bundle.rglob(f"*{MAP}")) if not _is_named(path)]
    for path in hidden:
        target = aside / path.relative_to(bundle)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    return aside if hidden else None


def _is_named(path: Path) -> bool:
    mapped = path.with_suffix("")
    return mapped.is_file() and REFERENCE in mapped.read_bytes()
