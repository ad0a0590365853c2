"""A container registry as docker and podman push to it, whose manifests are the emulated ECR's.

https://github.com/opencontainers/distribution-spec; ECR's own door for images, which the AWS emulator lacks.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deployments.twin.aws_ecr import digest_of
from deployments.twin.http_thread import HttpThread, Served

if TYPE_CHECKING:
    from starlette.requests import Request

    from deployments.twin.aws import AwsEmulator

_DIGEST = "docker-content-digest"


class RegistryStandIn(Served):
    """Take images at `address` for as long as the context lasts; any password is welcome."""

    def __init__(self, emulator: AwsEmulator) -> None:
        self._emulator = emulator
        self._blobs: dict[str, bytes] = {}
        self._uploads: dict[str, bytes] = {}
        self._manifests: dict[str, tuple[bytes, str]] = {}
        self._listener = HttpThread(self._application(), "registry")

    @property
    def address(self) -> str:
        """Give `host:port`."""
        return self._listener.address

    def _application(self) -> Starlette:
        uploads, manifests = "/v2/{name:path}/blobs/uploads/", "/v2/{name:path}/manifests/{reference}"
        return Starlette(
            routes=[
                Route("/v2/", self._hello),
                Route(uploads, self._begin, methods=["POST"]),
                Route(uploads + "{upload}", self._append, methods=["PATCH"]),
                Route(uploads + "{upload}", self._finish, methods=["PUT"]),
                Route("/v2/{name:path}/blobs/{digest}", self._blob),
                Route(manifests, self._manifest),
                Route(manifests, self._put_manifest, methods=["PUT"]),
            ]
        )

    async def _hello(self, _: Request) -> Response:
        return JSONResponse({}, headers={"docker-distribution-api-version": "registry/2.0"})

    async def _begin(self, request: Request) -> Response:
        upload = uuid.uuid4().hex
        self._uploads[upload] = b""
        return _accepted(f"{request.url.path}{upload}", 0)

    async def _append(self, request: Request) -> Response:
        upload = request.path_params["upload"]
        self._uploads[upload] += await request.body()
        return _accepted(request.url.path, len(self._uploads[upload]))

    async def _finish(self, request: Request) -> Response:
        body = self._uploads.pop(request.path_params["upload"]) + await request.body()
        digest = request.query_params["digest"]
        if digest != f"sha256:{hashlib.sha256(body).hexdigest()}":
            return _refused(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        self._blobs[digest] = body
        place = f"/v2/{request.path_params['name']}/blobs/{digest}"
        return Response(status_code=201, headers={_DIGEST: digest, "location": place})

    async def _blob(self, request: Request) -> Response:
        digest = request.path_params["digest"]
        if digest not in self._blobs:
            return _refused(404, "BLOB_UNKNOWN", "blob unknown to registry")
        return Response(self._blobs[digest], headers={_DIGEST: digest})

    async def _manifest(self, request: Request) -> Response:
        if request.path_params["reference"] not in self._manifests:
            return _refused(404, "MANIFEST_UNKNOWN", "manifest unknown")
        body, media_type = self._manifests[request.path_params["reference"]]
        return Response(body, media_type=media_type, headers={_DIGEST: digest_of(body.decode())})

    async def _put_manifest(self, request: Request) -> Response:
        body, reference = await request.body(), request.path_params["reference"]
        manifest = json.loads(body)
        for part in (manifest["config"], *manifest["layers"]):
            if part["digest"] not in self._blobs:
                return _refused(400, "MANIFEST_BLOB_UNKNOWN", f"blob unknown to registry: {part['digest']}")
        media_type = request.headers["content-type"]
        await run_in_threadpool(self._keep, request.path_params["name"], reference, body.decode(), media_type)
        digest = digest_of(body.decode())
        self._manifests[reference] = self._manifests[digest] = (body, media_type)
        place = f"/v2/{request.path_params['name']}/manifests/{digest}"
        return Response(status_code=201, headers={_DIGEST: digest, "location": place})

    def _keep(self, name: str, tag: str, manifest: str, media_type: str) -> None:
        self._emulator.client("ecr").put_image(
            repositoryName=name, imageManifest=manifest, imageTag=tag, imageManifestMediaType=media_type
        )


def _accepted(place: str, size: int) -> Response:
    return Response(status_code=202, headers={"location": place, "range": f"0-{max(0, size - 1)}"})


def _refused(status: int, code: str, message: str) -> Response:
    return JSONResponse({"errors": [{"code": code, "message": message}]}, status)
