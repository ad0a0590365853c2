"""2.1 to 2.3 Stage the site at its own address, later give it the domain (guide 2.1 to 2.3)."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from tasks.clients.vercel import Deployment, DomainState, Vercel, files_of, open_vercel
from tasks.errors import GateRefused, PermanentError, TransientError
from tasks.ledger import effect
from tasks.models import BuildProof, Check, Record, ReleasePlan, RestorePoint, SiteProof
from tasks.retries import REPEATABLE
from tasks.secrets import read_secret
from tasks.sentences import named, sentence
from tasks.settings import Settings
from tasks.site_domain import LOOK_TIMEOUT_S, check_certificate, check_domain
from tasks.site_look import SiteLook, check_caching, check_look, look_at_site
from tasks.site_values import api_base, lasting_variables
from tasks.stage import stage
from tasks.waits import wait_until

log = logging.getLogger("greenflow.site")

READY = "READY"
FAILED = frozenset({"ERROR", "CANCELED", "DELETED"})
NAME = "greenflow"


class SiteStand(Record):
    """Hold how the site's project stands: whether its domain waits for us, and which variables differ."""

    domain_in_hand: bool
    differing: tuple[str, ...]


@stage("2.1 stage the site", REPEATABLE)
def stage_site(settings: Settings, plan: ReleasePlan, build: BuildProof) -> SiteProof:
    """Upload the built site and check it at its own address; the domain stays where it is.

    Domain and certificate are looked at here already: what is wrong with them stops the release while nothing has
    moved. Raises PermanentError when Vercel refuses or its deployment fails, TransientError and UnknownOutcome when
    Vercel is not reached or not ready in time.
    """
    with open_vercel(settings.site, settings.aws) as vercel:
        _keep_domain_in_hand(settings, vercel)
        _set_variables(settings, vercel)
        before = vercel.production()
        deployment = _ready(settings, vercel, _deployed(plan, vercel, build).id)
        after = vercel.production()
        domain = check_domain(settings, vercel)
    url = f"{settings.site.deployment_scheme}://{deployment.host}"
    look = look_at_site(url, timeout_s=LOOK_TIMEOUT_S, headers=_bypass(settings))
    checks = (
        domain,
        check_certificate(settings),
        Check.of("domain stays where it is", ok=before == after, found=after or "nobody", expected=before or "nobody"),
        *check_look(look, name="staged site", commit=plan.commit, api_base=api_base(settings)),
        *check_caching(look, name="staged site"),
    )
    return SiteProof(checks=checks, deployment_id=deployment.id, url=url)


@stage("2.2 and 2.3 give the site the domain", REPEATABLE)
def promote_site(settings: Settings, plan: ReleasePlan, site: SiteProof, restore_point: RestorePoint) -> SiteProof:
    """Promote the staged deployment and see that the public address serves it.

    Raises GateRefused when somebody gave the domain to another deployment meanwhile, UnknownOutcome when the change is
    not seen, RemoteError when Vercel fails or refuses.
    """
    with open_vercel(settings.site, settings.aws) as vercel:
        effect(
            "vercel.promote",
            site.deployment_id,
            observe=lambda: _promoted(vercel.domain_state(), site, restore_point),
            act=lambda: _promote(settings, vercel, site),
            read_back_s=settings.site.ready_timeout_s,
        )
        domain = check_domain(settings, vercel)
    look = _look_for(settings, plan.commit)
    checks = (
        domain,
        check_certificate(settings),
        *check_look(look, name="public site", commit=plan.commit, api_base=api_base(settings)),
        *check_caching(look, name="public site"),
    )
    return site.model_copy(update={"checks": checks})


def _promote(settings: Settings, vercel: Vercel, site: SiteProof) -> None:
    if settings.site.rolling and vercel.rolling_release().is_active:
        vercel.complete_rolling(site.deployment_id)
    else:
        vercel.promote(site.deployment_id)


def _promoted(found: DomainState, site: SiteProof, restore_point: RestorePoint) -> bool | None:
    """Tell whether the domain shows our deployment; what people did to it since the restore point is not undone."""
    ours = site.deployment_id
    if found.production == ours:
        return True
    recorded = restore_point.vercel_deployment_id or ""
    is_untouched = found.production == recorded and found.last_change == restore_point.vercel_last_change
    if is_untouched or found.last_change_to == ours:
        return None
    told = found.last_change or sentence("{deployment} has the domain", deployment=found.production or named("nobody"))
    check = Check.of(
        "domain since the restore point",
        ok=False,
        found=told,
        expected=sentence("{deployment} keeps it", deployment=recorded or named("nobody")),
    )
    msg = sentence(
        "site refused: found {told}, expected {recorded} to keep the domain until we promote "
        "{ours}; somebody else promoted or rolled back at Vercel since this release began, "
        "nothing was overwritten: ask them",
        told=told,
        recorded=recorded or named("nobody"),
        ours=ours,
    )
    raise GateRefused(msg, gate="site", checks=(check,))


def read_site_stand(settings: Settings) -> SiteStand:
    """Look at what ``stage_site`` would find of the project; raises RemoteError."""
    with open_vercel(settings.site, settings.aws) as vercel:
        return SiteStand(domain_in_hand=domain_in_hand(vercel), differing=differing_variables(settings, vercel))


def domain_in_hand(vercel: Vercel) -> bool:
    """Tell whether a new deployment of production leaves the domain where it is."""
    return vercel.project().get("autoAssignCustomDomains") is False


def differing_variables(settings: Settings, vercel: Vercel) -> tuple[str, ...]:
    """Name the project's variables that are not as every build of this environment has them."""
    found = vercel.variables()
    return tuple(sorted(name for name, value in _lasting(settings).items() if found.get(name) != value))


def _lasting(settings: Settings) -> dict[str, str]:
    return {name: value for name, value in lasting_variables(settings).items() if value}


def _keep_domain_in_hand(settings: Settings, vercel: Vercel) -> None:
    effect(
        "vercel.keep_domain",
        settings.site.project_id,
        observe=lambda: domain_in_hand(vercel) or None,
        act=vercel.keep_domain_in_hand,
    )


def _set_variables(settings: Settings, vercel: Vercel) -> None:
    """Tell the project the lasting values, for builds Vercel may make itself one day; ours has them built in."""
    wanted = _lasting(settings)
    effect(
        "vercel.set_variables",
        settings.site.project_id,
        observe=lambda: None if differing_variables(settings, vercel) else True,
        act=lambda: vercel.set_variables(wanted),
        data={"names": sorted(wanted)},
    )


def _deployed(plan: ReleasePlan, vercel: Vercel, build: BuildProof) -> Deployment:
    files = files_of(Path(build.folder))
    meta = {"greenflowRelease": plan.release_id, "commit": plan.commit, "version": plan.version}
    return effect(
        "vercel.deploy",
        plan.release_id,
        observe=lambda: _ours(vercel, plan),
        act=lambda: vercel.deploy(NAME, files, meta),
        data={"commit": plan.commit, "files": len(files)},
    )


def _ours(vercel: Vercel, plan: ReleasePlan) -> Deployment | None:
    """Return this release's deployment; one that failed is not counted, so that another try makes a new one."""
    found = vercel.deployments_of(plan.release_id)
    usable = (item for item in found if item.state not in FAILED and item.meta.get("commit") == plan.commit)
    return next(usable, None)


def _ready(settings: Settings, vercel: Vercel, deployment_id: str) -> Deployment:
    last: list[str] = []

    def look() -> Deployment | None:
        seen = vercel.deployment(deployment_id)
        if not last or last[-1] != seen.state:
            log.info("the site's deployment %s is %s", deployment_id, seen.state)
        last.append(seen.state)
        if seen.state in FAILED:
            msg = sentence(
                "could not stage the site: {deployment} ended as {state}: {why}",
                deployment=deployment_id,
                state=seen.state,
                why=seen.error or named("no words"),
            )
            raise PermanentError(msg)
        return seen if seen.state == READY else None

    return wait_until(
        look,
        what=sentence("the Vercel deployment {deployment} READY", deployment=deployment_id),
        deadline_s=settings.site.ready_timeout_s,
        poll_s=settings.site.poll_s,
        describe=lambda: last[-1],
    )


def _look_for(settings: Settings, commit: str) -> SiteLook:
    """Look at the public address until it serves ``commit``, or for as long as the promotion may take."""
    seen: list[SiteLook] = []

    def look() -> SiteLook | None:
        seen.append(look_at_site(settings.site.url, timeout_s=LOOK_TIMEOUT_S))
        return seen[-1] if commit in seen[-1].text else None

    return _patiently(look, seen, settings)


def _patiently(look: Callable[[], SiteLook | None], seen: list[SiteLook], settings: Settings) -> SiteLook:
    try:
        return wait_until(look, what="the site", deadline_s=settings.site.ready_timeout_s, poll_s=settings.site.poll_s)
    except TransientError:
        if not seen:
            raise
        return seen[-1]  # the checks say what is wrong with it


def _bypass(settings: Settings) -> Mapping[str, str]:
    if settings.site.bypass is None:
        return {}
    return {"x-vercel-protection-bypass": read_secret(settings.site.bypass, settings.aws).get_secret_value()}
