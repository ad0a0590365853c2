"""A registry whose digests are true."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from deployments.twin.aws_seed import push_image
from deployments.twin.aws_seeded import ImageSpec
from tests.deployments.twin.aws_world import World, production

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with production(tmp_path_factory.mktemp("aws")) as running:
        yield running


def image(world: World, **image_id: str) -> Any:
    answer = world.client("ecr").batch_get_image(repositoryName="greenflow-api", imageIds=[image_id])
    return answer["images"][0]


def test_a_digest_is_the_hash_of_the_manifests_bytes(world: World) -> None:
    found = image(world, imageTag="1.0.0")
    digest = f"sha256:{hashlib.sha256(found['imageManifest'].encode()).hexdigest()}"
    assert found["imageId"]["imageDigest"] == digest == world.seeded.digests["1.0.0"]


def test_the_same_manifest_is_found_by_tag_and_by_digest(world: World) -> None:
    by_tag = image(world, imageTag="1.1.0")
    by_digest = image(world, imageDigest=world.seeded.digests["1.1.0"])
    assert by_tag["imageManifest"] == by_digest["imageManifest"]
    assert json.loads(by_tag["imageManifest"])["annotations"]["org.opencontainers.image.version"] == "1.1.0"


def test_describe_images_tells_the_same_digest(world: World) -> None:
    ecr = world.client("ecr")
    details = ecr.describe_images(repositoryName="greenflow-api", imageIds=[{"imageTag": "1.1.0"}])
    assert details["imageDetails"][0]["imageDigest"] == world.seeded.digests["1.1.0"]


def test_an_image_that_is_not_there_is_a_failure_not_an_error(world: World) -> None:
    answer = world.client("ecr").batch_get_image(repositoryName="greenflow-api", imageIds=[{"imageTag": "7"}])
    assert (answer["images"], answer["failures"][0]["failureCode"]) == ([], "ImageNotFound")


def test_the_same_image_again_and_another_under_its_tag_are_refused(world: World) -> None:
    with pytest.raises(ClientError) as same:
        push_image(world.aws, ImageSpec("1.0.0", "a" * 40))
    with pytest.raises(ClientError) as other:
        push_image(world.aws, ImageSpec("1.0.0", "c" * 40))
    assert same.value.response["Error"]["Code"] == "ImageAlreadyExistsException"
    assert other.value.response["Error"]["Code"] == "ImageTagAlreadyExistsException"


def test_the_same_image_takes_a_second_tag(world: World) -> None:
    ecr = world.client("ecr")
    manifest = image(world, imageTag="1.1.0")["imageManifest"]
    ecr.put_image(repositoryName="greenflow-api", imageManifest=manifest, imageTag="production")
    assert image(world, imageTag="production")["imageId"]["imageDigest"] == world.seeded.digests["1.1.0"]


def test_a_digest_that_is_not_the_manifests_is_refused(world: World) -> None:
    manifest = image(world, imageTag="1.1.0")["imageManifest"]
    with pytest.raises(ClientError, match="does not match"):
        world.client("ecr").put_image(
            repositoryName="greenflow-api", imageManifest=manifest, imageDigest=f"sha256:{'1' * 64}"
        )
