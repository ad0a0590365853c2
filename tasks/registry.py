"""Read images of the container registry: their digest and what their manifest says of itself (guide 3.1)."""

import json
from typing import TYPE_CHECKING, Any

from tasks.clients.aws import ecr, translated
from tasks.errors import PermanentError, TransientError
from tasks.models import Record
from tasks.sentences import sentence
from tasks.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_ecr.type_defs import ImageIdentifierTypeDef

VERSION_ANNOTATION = "org.opencontainers.image.version"
REVISION_ANNOTATION = "org.opencontainers.image.revision"
MEDIA_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)


class RegistryImage(Record):
    """Hold one image: its digest, its manifest byte for byte, and the manifest's annotations."""

    digest: str
    manifest: str
    media_type: str
    annotations: dict[str, str]

    @property
    def version(self) -> str:
        """Return the version the image says it is, or an empty string."""
        return self.annotations.get(VERSION_ANNOTATION, "")

    @property
    def revision(self) -> str:
        """Return the commit the image says it was built from, or an empty string."""
        return self.annotations.get(REVISION_ANNOTATION, "")


def find_image(settings: Settings, *, tag: str = "", digest: str = "") -> RegistryImage | None:
    """Return the image of a tag or of a digest in the service's repository, or None where there is none."""
    wanted: ImageIdentifierTypeDef = {"imageTag": tag} if tag else {"imageDigest": digest}
    repository = settings.service.repository
    with translated(sentence("look for image {tag} in {repository}", tag=tag or digest, repository=repository)):
        answer = ecr(settings.aws).batch_get_image(
            repositoryName=repository, imageIds=[wanted], acceptedMediaTypes=list(MEDIA_TYPES)
        )
    images, failures = answer.get("images", []), answer.get("failures", [])
    if images:
        return _read(dict(images[0]))
    if not failures:
        msg = sentence(
            "could not look for image {tag} in {repository}: the answer named neither image nor failure",
            tag=tag or digest,
            repository=repository,
        )
        raise TransientError(msg)
    if failures[0].get("failureCode") == "ImageNotFound":
        return None
    cause = f"{failures[0].get('failureCode')}: {failures[0].get('failureReason', '')}"
    msg = sentence(
        "could not look for image {tag} in {repository}: {cause}", tag=tag or digest, repository=repository, cause=cause
    )
    raise PermanentError(msg)


def image_uri(settings: Settings, digest: str) -> str:
    """Return the image's address pinned by its digest."""
    return f"{repository_uri(settings)}@{digest}"


def repository_uri(settings: Settings) -> str:
    """Return the address of the service's repository."""
    repository = settings.service.repository
    with translated(sentence("read repository {repository}", repository=repository)):
        found = ecr(settings.aws).describe_repositories(repositoryNames=[repository]).get("repositories", [])
    if not found:
        msg = sentence("could not read repository {repository}: the answer was empty", repository=repository)
        raise TransientError(msg)
    return str(found[0]["repositoryUri"])


def _read(image: dict[str, Any]) -> RegistryImage:
    manifest = image.get("imageManifest", "")
    try:
        annotations = json.loads(manifest).get("annotations") or {}
    except (ValueError, AttributeError) as error:
        msg = sentence("could not read the manifest of image {image}: it is no JSON object", image=image["imageId"])
        raise PermanentError(msg) from error
    return RegistryImage(
        digest=image["imageId"]["imageDigest"],
        manifest=manifest,
        media_type=image.get("imageManifestMediaType", ""),
        annotations={str(name): str(value) for name, value in annotations.items()},
    )
