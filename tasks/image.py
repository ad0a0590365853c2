"""Prove the image that will run (guide 3.1): the one staging ran, pinned by its digest (safety I24)."""

import hashlib
import logging

from tasks.errors import PermanentError
from tasks.models import Check, ImageProof, ReleasePlan
from tasks.registry import REVISION_ANNOTATION, VERSION_ANNOTATION, RegistryImage, find_image, image_uri
from tasks.retries import REPEATABLE
from tasks.settings import Settings
from tasks.stage import stage

log = logging.getLogger("greenflow.image")


@stage("3.1 prove the image", REPEATABLE)
def prove_image(settings: Settings, plan: ReleasePlan) -> ImageProof:
    """Find the version's image and check that it is what it says; raises PermanentError when there is none."""
    image = find_image(settings, tag=plan.version)
    if image is None:
        msg = (
            f"could not find image {settings.service.repository}:{plan.version}: found no such tag, expected the image "
            "that staging ran; push it under its version, or release another one"
        )
        raise PermanentError(msg)
    uri = image_uri(settings, image.digest)
    log.info("image %s is %s", plan.version, uri)
    return ImageProof(
        checks=check_image(image, version=plan.version, commit=plan.commit),
        digest=image.digest,
        uri=uri,
        revision=image.revision,
        version=image.version,
    )


def check_image(image: RegistryImage, *, version: str, commit: str) -> tuple[Check, ...]:
    """Check the digest against the manifest's bytes, and the manifest's own words against the plan."""
    computed = f"sha256:{hashlib.sha256(image.manifest.encode()).hexdigest()}"
    return (
        Check.of("image digest", ok=computed == image.digest, found=computed, expected=image.digest),
        _said("image version", VERSION_ANNOTATION, image.version, version),
        _said("image revision", REVISION_ANNOTATION, image.revision, commit),
    )


def _said(name: str, annotation: str, found: str, expected: str) -> Check:
    if not found:
        return Check.skipped(name, f"the manifest carries no {annotation}")
    return Check.of(name, ok=found == expected, found=found, expected=expected)
