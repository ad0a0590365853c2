"""Render a task definition from the one that runs, and register it once (guide 3.2; safety I22, I24)."""

import copy
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tasks.clients.aws import ecs, translated
from tasks.errors import GateRefused, PermanentError
from tasks.ledger import effect
from tasks.live import container_image
from tasks.models import Check
from tasks.sentences import sentence
from tasks.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import DescribeTaskDefinitionResponseTypeDef, TagTypeDef

RELEASE_TAG = "greenflow:release"
VERSION_VARIABLE = "APP_VERSION"
REVISION_VARIABLE = "APP_REVISION"
SECRET_NAME = re.compile(r"(PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|CREDENTIALS)$", re.IGNORECASE)


def register_definition(
    settings: Settings, *, source_arn: str, image_uri: str, version: str, revision: str, release_id: str
) -> str:
    """Register the running side's task definition with another image, and return its ARN.

    One that this release has registered before is found by its tag: RegisterTaskDefinition has no token of its own.
    Raises GateRefused when the definition holds a secret in plain text, and PermanentError when the one found by
    the tag runs another image.
    """
    source = _described(settings, source_arn)
    wanted = _wanted(settings, source["taskDefinition"], image_uri, version, revision)
    refuse_plaintext(wanted["containerDefinitions"])
    mark: TagTypeDef = {"key": RELEASE_TAG, "value": release_id}
    tags = [*_kept_tags(source.get("tags", [])), mark]

    def observe() -> str | None:
        return _find(settings, source_arn, release_id, image_uri)

    def act() -> None:
        with translated(sentence("register a task definition of family {family}", family=wanted["family"])):
            ecs(settings.aws).register_task_definition(**wanted, tags=tags)

    data = {"family": wanted["family"], "image": image_uri, "source": source_arn}
    return effect("task_definition.register", release_id, observe=observe, act=act, data=data)


def preview_definition(
    settings: Settings, *, source_arn: str, image_uri: str, version: str, revision: str
) -> dict[str, Any]:
    """Return what ``register_definition`` would register for a version; looks only."""
    return _wanted(settings, _described(settings, source_arn)["taskDefinition"], image_uri, version, revision)


def _wanted(
    settings: Settings, source: Mapping[str, Any], image_uri: str, version: str, revision: str
) -> dict[str, Any]:
    ours = {VERSION_VARIABLE: version, REVISION_VARIABLE: revision}
    return render(source, registrable(settings), settings.service.container, image_uri, ours)


def render(
    source: Mapping[str, Any],
    fields: Iterable[str],
    container: str,
    image_uri: str,
    variables: Mapping[str, str],
) -> dict[str, Any]:
    """Return what to register: the source's ``fields`` with another image and other ``variables`` in one container.

    Secrets, roles, health check and logs stay as they are.
    """
    wanted = {name: copy.deepcopy(source[name]) for name in fields if name in source}
    for found in wanted["containerDefinitions"]:
        if found["name"] == container:
            found["image"] = image_uri
            found["environment"] = _environment(found, variables)
    return wanted


def registrable(settings: Settings) -> tuple[str, ...]:
    """Name what of a described task definition can be registered again, as AWS's own model says."""
    shape = ecs(settings.aws).meta.service_model.operation_model("RegisterTaskDefinition").input_shape
    return tuple(name for name in (shape.members if shape else ()) if name != "tags")


def plaintext_names(containers: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Name the environment variables that hold a secret in plain text; their values are never told."""
    return tuple(
        f"{container.get('name')}.{variable['name']}"
        for container in containers
        for variable in container.get("environment") or []
        if variable.get("value") and _is_secret(variable["name"], variable["value"])
    )


def refuse_plaintext(containers: Iterable[Mapping[str, Any]]) -> None:
    """Refuse a definition that anybody who may read it could take a secret from; raises GateRefused."""
    names = plaintext_names(containers)
    if not names:
        return
    told = ", ".join(names)
    check = Check.of("secrets in the task definition", ok=False, found=told, expected="none in plain text")
    msg = sentence(
        "task definition refused: found {told} in plain text, expected none; put the values into "
        "Secrets Manager and name them under `secrets`",
        told=told,
    )
    raise GateRefused(msg, gate="task definition", checks=(check,))


def environment_of(definition: Mapping[str, Any], container: str) -> dict[str, str]:
    """Return the plain environment of one container."""
    found = [each for each in definition.get("containerDefinitions", []) if each.get("name") == container]
    return {each["name"]: each["value"] for part in found for each in part.get("environment") or []}


def _find(settings: Settings, source_arn: str, release_id: str, image_uri: str) -> str | None:
    """Look for this release's tag in what was registered after the source; nothing of ours can be older."""
    for arn in _younger(settings, source_arn):
        found = _described(settings, arn)
        if {"key": RELEASE_TAG, "value": release_id} not in found.get("tags", []):
            continue
        image = container_image(found["taskDefinition"], settings.service.container)
        if image != image_uri:
            msg = sentence(
                "drift: found image {image} in {arn} of release {release}, expected {image_uri}",
                image=image,
                arn=arn,
                release=release_id,
                image_uri=image_uri,
            )
            raise PermanentError(msg)
        return arn
    return None


def _younger(settings: Settings, source_arn: str) -> tuple[str, ...]:
    family, revision = _family_and_revision(source_arn)
    with translated(sentence("list the task definitions of family {family}", family=family)):
        pages = ecs(settings.aws).get_paginator("list_task_definitions").paginate(familyPrefix=family, status="ACTIVE")
        arns = [arn for page in pages for arn in page.get("taskDefinitionArns", [])]
    own = [arn for arn in arns if _family_and_revision(arn)[0] == family]
    younger = [arn for arn in own if _family_and_revision(arn)[1] > revision]
    return tuple(sorted(younger, key=lambda arn: -_family_and_revision(arn)[1]))


def _described(settings: Settings, arn: str) -> "DescribeTaskDefinitionResponseTypeDef":
    with translated(sentence("read task definition {arn}", arn=arn)):
        return ecs(settings.aws).describe_task_definition(taskDefinition=arn, include=["TAGS"])


def _environment(container: Mapping[str, Any], ours: Mapping[str, str]) -> list[dict[str, str]]:
    kept = [each for each in container.get("environment") or [] if each["name"] not in ours]
    return [*kept, *({"name": name, "value": value} for name, value in ours.items())]


def _kept_tags(tags: Iterable["TagTypeDef"]) -> list["TagTypeDef"]:
    return [
        {"key": tag["key"], "value": tag.get("value", "")}
        for tag in tags
        if "key" in tag and tag["key"] != RELEASE_TAG and not tag["key"].startswith("aws:")
    ]


def _is_secret(name: str, value: str) -> bool:
    return bool(SECRET_NAME.search(name)) or _has_password(value)


def _has_password(value: str) -> bool:
    try:
        return bool(urlsplit(value).password)
    except ValueError:
        return "://" in value and "@" in value  # too odd to tell: then it is treated as one


def _family_and_revision(arn: str) -> tuple[str, int]:
    family, _, revision = arn.rpartition("/")[2].rpartition(":")
    return family, int(revision)
