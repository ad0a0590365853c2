"""Say what the new version must show before the old one is let go (guide 5.2 and 5.3)."""

from typing import Annotated

from pydantic import Field

from tasks.approval_policy import Seconds
from tasks.section import SecretReference, Section

Score = Annotated[float, Field(ge=0, le=1)]


class LighthouseSettings(Section):
    """Say what a page must reach in Lighthouse; scores as fractions, the layout shift has no unit.

    ``chromium`` is the browser's program, empty for the first one found on PATH.
    """

    enabled: bool = True
    chromium: str = ""
    timeout_s: Seconds = 180
    performance: Score = 0.9
    accessibility: Score = 0.9
    largest_contentful_paint_ms: float = 2500
    total_blocking_time_ms: float = 300
    layout_shift: float = 0.1
    page_kb: float = 1000


class PerformanceSettings(Section):
    """Say how the API's read paths are loaded, and what they must keep (guide 5.2).

    The load is bounded: ``requests_per_s`` over ``connections``, for ``duration_s`` a path. Answers below 500 are
    good: an honest 401 of a path that wants a token shows that the API answers; with a ``token`` it is the real one.
    P97.5 stands for P95, which autocannon does not tell: it is never smaller. ``tools`` is the folder where npm's
    programs are kept, empty for ``.tools`` beside the product.
    """

    paths: Annotated[tuple[str, ...], Field(min_length=1)] = ("/api/v2/health", "/api/v2/order/bids")
    token: SecretReference | None = None
    connections: Annotated[int, Field(ge=1, le=500)] = 10
    requests_per_s: Annotated[int, Field(ge=1, le=5000)] = 50
    duration_s: Annotated[int, Field(ge=1, le=600)] = 30
    timeout_s: Annotated[int, Field(ge=1, le=60)] = 10
    least_requests: Annotated[int, Field(ge=1)] = 100
    p97_5_ms: float = 300
    p99_ms: float = 1000
    tools: str = ""
    lighthouse: LighthouseSettings = LighthouseSettings()


class SecuritySettings(Section):
    """Say what every answer must carry (guide 5.3).

    ``least_hsts_s`` is how long browsers must remember to come by https only. ``zap`` scans where docker or podman
    is; ``foreign_origin`` is the stranger whose scripts must not read answers with a user's cookies.
    """

    api_paths: Annotated[tuple[str, ...], Field(min_length=1)] = ("/api/v2/health",)
    least_hsts_s: Annotated[int, Field(ge=0)] = 15_552_000
    foreign_origin: str = "https://stranger.example"
    timeout_s: Seconds = 15
    zap: bool = True
    zap_image: str = "ghcr.io/zaproxy/zaproxy:stable"
    zap_timeout_s: Seconds = 900
