"""What can go wrong with a delivery before any user meets it: its source, its tools, its hosts; one table."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from deployments.twin.mishap import Mishap
from deployments.twin.mishaps_of_the_checklist import ON_THE_CHECKLIST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deployments.twin.mishap import Befall
    from deployments.twin.stack import Twin


OLD = "13.9"


def _refuse_checksums(twin: Twin, _version: str) -> Mapping[str, str]:
    from deployments.twin.aws_faults import FaultRule  # noqa: PLC0415 - the command line reads this table at its start

    rule = FaultRule("flip_upload", service="s3", operation="PutObject", match={"Key": "dumps/*"}, count=None)
    twin.emulator.faults.add(rule)
    return {}


def _delete_image(twin: Twin, version: str) -> Mapping[str, str]:
    twin.emulator.client("ecr").batch_delete_image(
        repositoryName=twin.seeded.repository, imageIds=[{"imageTag": version}]
    )
    return {}


def _fail_build(twin: Twin, _version: str) -> Mapping[str, str]:
    twin.vercel.project.build_error = "Build failed because of invalid header configuration in vercel.json"
    return {}


def _give_old_tools(twin: Twin, version: str) -> Mapping[str, str]:
    """Put an older pg_dump into a folder of tools; the others are the real ones."""
    folder = twin.folder / f"old-tools-{version}"
    folder.mkdir(exist_ok=True)
    for tool in ("pg_restore", "psql"):
        _link(folder / tool, twin.postgres.bin / tool)
    program = folder / "pg_dump"
    program.write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {OLD}'\n")
    program.chmod(0o755)
    return {"GREENFLOW_DATABASE__TOOLS": str(folder)}


def _link(link: Path, target: Path) -> None:
    if target.exists() and not link.exists():
        link.symlink_to(target)


def _certify(host: str, lasts: timedelta) -> Befall:
    """Serve the domain by TLS, with a certificate for `host` that lasts so long; its authority is trusted."""

    def befall(twin: Twin, version: str) -> Mapping[str, str]:
        import trustme  # noqa: PLC0415 - brings cryptography, which only these mishaps need

        authority, now = trustme.CA(), datetime.now(UTC)
        shown = authority.issue_cert(host, not_before=now - timedelta(days=90), not_after=now + lasts)
        folder = twin.folder / f"tls-{version}"
        folder.mkdir(exist_ok=True)
        trusted, pair = folder / "trusted.pem", folder / "site.pem"
        shown.private_key_and_cert_chain_pem.write_to_path(str(pair))
        authority.cert_pem.write_to_path(str(trusted))
        if usual := ssl.get_default_verify_paths().cafile:
            trusted.write_bytes(trusted.read_bytes() + Path(usual).read_bytes())
        return {"GREENFLOW_SITE__URL": twin.vercel.serve_tls(pair), "SSL_CERT_FILE": str(trusted), **_secure_api(twin)}

    return befall


def _secure_api(twin: Twin) -> Mapping[str, str]:
    """Name an API base that an https page may use; no browser is asked for it before the certificate is."""
    return {
        "GREENFLOW_BUILD__VARIABLES": f'{{"VITE_API_BASE_URL": "https://{twin.url.removeprefix("http://")}/api/v2"}}'
    }


MISHAPS: dict[str, Mishap] = {
    mishap.name: mishap
    for mishap in (
        Mishap(
            "lint-error",
            "The site's source breaks a rule of its linter.",
            r"lint: found exit code 1, expected exit code 0",
            {"src/spoiled.ts": "export const spoiled = (value: any): boolean => value == 1;\n"},
        ),
        Mishap(
            "type-error",
            "The site's source has a type error.",
            r"strict type check: found exit code [12], expected exit code 0",
            {"src/spoiled.ts": 'export const spoiled: number = "no number";\n'},
        ),
        Mishap(
            "bundle-too-big",
            "The site brings 600 kB more.",
            r"bundle size: found 6\d\d\.\d kB, expected at most 500 kB",
            {"public/spoiled.svg": "<svg>" + "0123456789" * 60_000 + "</svg>"},
        ),
        Mishap(
            "secret-in-bundle",
            "The site brings a database address with its password.",
            r"secrets in the bundle: found an address with a password, expected none",
            {"public/spoiled.json": '{"store": "postgres://greenflow:made-up-word@db/live"}\n'},
        ),
        Mishap(
            "source-maps-left",
            "The site brings a script with its source map.",
            r"source maps in the bundle: found spoiled\.js\.map, expected none",
            {"public/spoiled.js": "//# sourceMappingURL=spoiled.js.map\n", "public/spoiled.js.map": "{}\n"},
        ),
        Mishap(
            "no-cache-headers",
            "The site's assets are served without a word on caching.",
            r"assets of the staged site are kept: found .*, expected every asset immutable for one year",
            {"vercel.json": '{"headers": []}\n'},
        ),
        Mishap(
            "vercel-build-error",
            "Vercel's build of the site fails.",
            r"could not stage the site: dpl_\w+ ended as ERROR: Build failed because of invalid header configuration",
            befall=_fail_build,
        ),
        Mishap(
            "certificate-expired",
            "The certificate of the site's domain has expired.",
            r"certificate of localhost: found .*certificate has expired, expected valid chain and host",
            befall=_certify("localhost", timedelta(days=-1)),
        ),
        Mishap(
            "certificate-ends-soon",
            "The certificate of the site's domain ends within three weeks.",
            r"certificate of localhost: found 19 days, .* expected valid chain and host, at least 21 days",
            befall=_certify("localhost", timedelta(days=20)),
        ),
        Mishap(
            "certificate-wrong-host",
            "The certificate of the site's domain is for another host.",
            r"certificate of localhost: found .*Hostname mismatch",
            befall=_certify("greenflow.invalid", timedelta(days=90)),
        ),
        Mishap(
            "old-pg-dump",
            "pg_dump is older than the server.",
            rf"found pg_dump {OLD}, expected \d+ or newer for the server's",
            befall=_give_old_tools,
        ),
        Mishap(
            "checksum-refused",
            "S3 refuses the backup: it does not match its checksum.",
            r"could not store dumps/.*: BadDigest",
            befall=_refuse_checksums,
        ),
        Mishap(
            "image-missing",
            "The registry has no image of the version.",
            r"image on staging: found .*, expected an image tagged \d+\.\d+\.\d+, which the registry does not have",
            befall=_delete_image,
        ),
        *ON_THE_CHECKLIST,
    )
}
"""The mishaps a rehearsal can meet, by name."""
