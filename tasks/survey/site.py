"""Find the site's project at Vercel, its domain, and the repository it is built from."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tasks.clients.vercel import REQUEST_TIMEOUT_S
from tasks.clients.web import Web, open_web
from tasks.secrets import read_secret
from tasks.sentences import named, sentence
from tasks.settings import AwsSettings
from tasks.survey.finding import Finding, only

API = "https://api.vercel.com"
OWN = ".vercel.app"


def survey_site(aws: AwsSettings, token: str, hint: str, *, team: str = "", api: str = API) -> tuple[Finding, ...]:
    """Return what Vercel tells whoever holds ``token``, a reference; nothing where it shows no project, or several.

    Raises SettingsError for a token that cannot be read, RemoteError when Vercel refuses it.
    """
    with open_web(api, timeout_s=REQUEST_TIMEOUT_S, bearer=read_secret(token, aws)) as web:
        asked = {"teamId": team} if team else {}
        listed = web.json("GET", "/v10/projects", doing=named("list the Vercel projects"), params=asked)
        project = only(listed.get("projects", []), lambda each: str(each["name"]), hint)
        return tuple(_of_project(web, project, asked)) if project else ()


def _of_project(web: Web, project: Mapping[str, Any], asked: Mapping[str, str]) -> Iterator[Finding]:
    name = project["name"]
    yield Finding(key="site.project_id", value=project["id"], why=f"Vercel's project {name}")
    owner = str(project.get("accountId", ""))
    if owner.startswith("team_"):
        yield Finding(key="site.team_id", value=owner, why=f"the team of {name}")
    path = f"/v9/projects/{project['id']}/domains"
    told = web.json("GET", path, doing=sentence("list the domains of {name}", name=name), params=asked)
    if host := _public(told.get("domains", [])):
        yield Finding(key="site.url", value=f"https://{host}", why=f"the domain of {name}")
    link = project.get("link") or {}
    if link.get("type") == "github":
        repository = f"git@github.com:{link['org']}/{link['repo']}.git"
        yield Finding(key="source.repository", value=repository, why=f"what {name} is linked to")


def _public(domains: Sequence[Mapping[str, Any]]) -> str:
    """Return the first verified domain of people's own that is no redirect; Vercel's own only without one."""
    names = [str(each["name"]) for each in domains if each.get("verified") and not each.get("redirect")]
    return next((name for name in names if not name.endswith(OWN)), names[0] if names else "")
