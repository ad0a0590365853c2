"""Ask the service of this container how it is: ``python -m deployments.health_check``, its image's health check."""

import os
import sys

import httpx

DEFAULT_URL = "http://127.0.0.1:8080/health"
TIMEOUT_S = 4.0


def main() -> int:
    """Return 0 when HEALTH_URL answers that it is well, else 1 and its words on stderr."""
    url = os.environ.get("HEALTH_URL", DEFAULT_URL)
    try:
        answer = httpx.get(url, timeout=TIMEOUT_S, trust_env=False)
    except httpx.HTTPError as error:
        sys.stderr.write(f"could not ask {url}: {error}\n")
        return 1
    if not answer.is_success:
        sys.stderr.write(f"{url} answered {answer.status_code}: {answer.text}\n")
    return 0 if answer.is_success else 1


if __name__ == "__main__":
    sys.exit(main())
