"""Look at the site's domain: bound to the project, verified, with a certificate browsers accept (guide 2.2)."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

from tasks.clients.tls import read_certificate
from tasks.clients.vercel import Vercel
from tasks.errors import PermanentError
from tasks.models import Check, Outcome
from tasks.sentences import named, sentence
from tasks.settings import Settings

HTTPS_PORT = 443
LOOK_TIMEOUT_S = 15


def check_domain(settings: Settings, vercel: Vercel) -> Check:
    """Check that the public address is a verified domain of the project."""
    address = urlsplit(settings.site.url)
    if address.scheme != "https":
        return Check.skipped(
            "domain bound and verified", sentence("{url} is no public https address", url=settings.site.url)
        )
    states = {str(item.get("name")): bool(item.get("verified")) for item in vercel.domains()}
    verified = states.get(address.hostname or "")
    bound = ", ".join(sorted(states)) or named("no domain")
    unbound = sentence("not bound; bound are {bound}", bound=bound)
    found = "verified" if verified else unbound if verified is None else "bound, not verified"
    return Check.of(
        sentence("domain {host}", host=address.hostname), ok=verified is True, found=found, expected="verified"
    )


def check_certificate(settings: Settings) -> Check:
    """Check chain, host and remaining days of the certificate that the public address shows.

    Raises TransientError when the address is not reached.
    """
    address = urlsplit(settings.site.url)
    if address.scheme != "https":
        return Check.skipped("certificate", sentence("{url} is no https address", url=settings.site.url))
    name = sentence("certificate of {host}", host=address.hostname)
    expected = sentence("valid chain and host, at least {days} days", days=settings.site.certificate_days)
    try:
        shown = read_certificate(address.hostname or "", address.port or HTTPS_PORT, timeout_s=LOOK_TIMEOUT_S)
    except PermanentError as error:
        return Check(name=name, outcome=Outcome.FAILED, found=str(error), expected=expected, note=_RENEW)
    days = shown.days_left(datetime.now(UTC))
    enough = days >= settings.site.certificate_days
    found = sentence("{days} days, by {issuer}, {protocol}", days=days, issuer=shown.issuer, protocol=shown.protocol)
    return Check.of(name, ok=enough, found=found, expected=expected, note="" if enough else _RENEW)


_RENEW = "Vercel renews by itself while the domain's DNS points to it: look there first"
