"""Keep container images by the digest of their manifest's bytes, as a registry must."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployments.twin.aws_calls import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from moto.ecr.models import Image, Repository

    from deployments.twin.aws_account import Account
    from deployments.twin.aws_calls import Answer, Call
    from deployments.twin.aws_layer import Operations


@dataclass(frozen=True)
class PulledImage:
    """What a task runs: the digest it was resolved to, and its manifest's annotations."""

    digest: str
    annotations: dict[str, str]


class Registry:
    """Give moto's registry true digests and ECR's refusals."""

    def __init__(self, account: Account, moto: Callable[[Call], Answer]) -> None:
        self._account = account
        self._moto = moto

    def add_to(self, operations: Operations) -> None:
        """Take PutImage and BatchGetImage over."""
        operations.own["ecr", "PutImage"] = self.put_image
        operations.own["ecr", "BatchGetImage"] = self.batch_get_image

    def put_image(self, call: Call) -> object:
        """Store a manifest under the digest of its own bytes."""
        params = call.params
        repository = self._repository(params["repositoryName"])
        digest = digest_of(params["imageManifest"])
        if params.get("imageDigest") not in (None, digest):
            raise AwsError(
                "ImageDigestDoesNotMatchException",
                f"The digest '{params['imageDigest']}' does not match the calculated digest '{digest}'",
            )
        _check_tag(repository, params.get("imageTag"), digest)
        answer = self._moto(call)
        if not answer.ok:
            return answer
        image = next(each for each in repository.images if each.image_manifest == params["imageManifest"])
        image._image_digest = digest  # noqa: SLF001 moto makes one up
        return {"image": _described(repository, image, {"imageTag": params.get("imageTag")})}

    def batch_get_image(self, call: Call) -> object:
        """Give manifests by tag, by digest, or by both where both must agree."""
        repository = self._repository(call.params["repositoryName"])
        images, failures = [], []
        for wanted in call.params.get("imageIds", []):
            image = _find(repository, wanted.get("imageTag"), wanted.get("imageDigest"))
            if image is None:
                reason = {"failureCode": "ImageNotFound", "failureReason": "Requested image not found"}
                failures.append({"imageId": wanted, **reason})
            else:
                images.append(_described(repository, image, wanted))
        return {"images": images, "failures": failures}

    def pull(self, uri: str) -> PulledImage:
        """Resolve an image reference of this account's registry; raises `AwsError` as a task's pull fails."""
        host, _, path = uri.partition("/")
        name, digest = path.split("@", 1) if "@" in path else (path, None)
        name, tag = name.rsplit(":", 1) if ":" in name else (name, None if digest else "latest")
        repository = self._account.ecr.repositories.get(name)
        if repository is None or repository.uri != f"{host}/{name}":
            raise _cannot_pull(uri, "repository does not exist or may require authorization")
        image = _find(repository, tag, digest)
        if image is None:
            raise _cannot_pull(uri, "not found")
        manifest = json.loads(image.image_manifest)
        return PulledImage(image.get_image_digest(), dict(manifest.get("annotations") or {}))

    def _repository(self, name: str) -> Repository:
        repository = self._account.ecr.repositories.get(name)
        if repository is None:
            raise AwsError(
                "RepositoryNotFoundException",
                f"The repository with name '{name}' does not exist in the registry with id '{self._account.id}'",
            )
        return repository


def digest_of(manifest: str) -> str:
    """Compute a manifest's digest from its bytes."""
    return f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"


def _check_tag(repository: Repository, tag: str | None, digest: str) -> None:
    tagged = _find(repository, tag, None) if tag else None
    same = _find(repository, None, digest)
    if (same and tag is None) or (same and tagged is same):
        raise AwsError(
            "ImageAlreadyExistsException",
            f"Image with digest '{digest}' and tag '{tag}' already exists in the repository with name "
            f"'{repository.name}' in registry with id '{repository.registry_id}'",
        )
    if tagged and repository.is_tag_immutable():
        raise AwsError(
            "ImageTagAlreadyExistsException",
            f"The image tag '{tag}' already exists in the '{repository.name}' repository and cannot be "
            "overwritten because the tag is immutable.",
        )


def _find(repository: Repository, tag: str | None, digest: str | None) -> Image | None:
    return next(
        (
            image
            for image in repository.images
            if (tag is None or tag in image.image_tags) and (digest is None or digest == image.get_image_digest())
        ),
        None,
    )


def _described(repository: Repository, image: Image, wanted: dict[str, Any]) -> dict[str, Any]:
    tag = wanted.get("imageTag")
    return {
        "registryId": repository.registry_id,
        "repositoryName": repository.name,
        "imageId": {"imageDigest": image.get_image_digest(), **({"imageTag": tag} if tag else {})},
        "imageManifest": image.image_manifest,
        "imageManifestMediaType": image.image_manifest_media_type,
    }


def _cannot_pull(uri: str, why: str) -> AwsError:
    return AwsError(
        "CannotPullContainerError",
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref "
        f"{uri}: {uri}: {why}",
    )
