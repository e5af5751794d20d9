"""Writes the bill of materials: what a netsonde of this tree and this host runs on, as CycloneDX.

The same tree on the same host gives the same bytes; SOURCE_DATE_EPOCH sets the only time in it.
"""

import hashlib
import os
import platform
import sys
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.message import Message
from importlib import metadata
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import (
    ExternalReference,
    ExternalReferenceType,
    HashAlgorithm,
    HashType,
    Property,
    XsUri,
)
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from netsonde.bootstrap.version import VERSION
from netsonde.domain.tools import TOOLS

from .debian import Program, programs
from .licences import licence_of
from .lock_file import REQUIREMENTS, Pinned, read_lock

SCHEMA = SchemaVersion.V1_6
OUT = Path(__file__).parent.parent / "dist" / f"netsonde-{VERSION}.cdx.json"
_US = "netsonde"


class Unfit(Exception):
    """What must be mended before there can be a bill: a sentence."""


def sbom(environ: Mapping[str, str]) -> str:
    """The bill as JSON text, valid by the official schema; raises Unfit."""
    timestamp = _timestamp(environ)
    pinned = [one for one in read_lock((REQUIREMENTS / "run.txt").read_text()) if one.applies]
    components = {one.name: _package(one) for one in pinned}
    root = Component(
        name=_US,
        version=VERSION,
        type=ComponentType.APPLICATION,
        bom_ref=_purl("pypi", _US, VERSION).to_string(),
        purl=_purl("pypi", _US, VERSION),
        licenses=[LicenseFactory().make_from_string("Apache-2.0")],
    )
    bom = Bom(components=[*components.values(), *_found_programs()])
    bom.metadata.component = root
    bom.metadata.timestamp = timestamp  # type: ignore[assignment]  # None leaves it out
    bom.metadata.tools.components.add(
        Component(
            name="cyclonedx-python-lib",
            version=metadata.version("cyclonedx-python-lib"),
            type=ComponentType.LIBRARY,
            bom_ref="cyclonedx-python-lib",
        )
    )
    for parent, component in [(_US, root), *components.items()]:
        wanted = [components[one.name] for one in pinned if parent in one.via]
        bom.register_dependency(component, wanted)
    # A number that follows from the content, so that the same content has the same number.
    bom.serial_number = uuid.UUID(int=0)
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_OID, _text(bom))
    text = _text(bom)
    if (error := JsonStrictValidator(SCHEMA).validate_str(text)) is not None:
        raise Unfit(f"the bill is not valid: {str(error)[:300]}")
    return text


def _text(bom: Bom) -> str:
    return make_outputter(bom, OutputFormat.JSON, SCHEMA).output_as_string(indent=2) + "\n"


def _timestamp(environ: Mapping[str, str]) -> datetime | None:
    """Reproducible Builds: seconds since the epoch."""
    told = environ.get("SOURCE_DATE_EPOCH", "")
    if not told:
        return None
    if not told.isascii() or not told.isdigit() or len(told) > 11:
        raise Unfit(f"SOURCE_DATE_EPOCH is {told[:40]!a}, but whole seconds are wanted")
    return datetime.fromtimestamp(int(told), UTC)


def _package(one: Pinned) -> Component:
    try:
        found = metadata.metadata(one.name)
    except metadata.PackageNotFoundError as error:
        raise Unfit(f"{one.name} is not installed: run `make .venv/dev.done`") from error
    if found["Version"] != one.version:
        raise Unfit(f"{one.name} {found['Version']} is installed, but {one.version} is locked")
    if (licence := licence_of(_as_message(found))) is None:
        raise Unfit(f"{one.name} does not tell its licence in a way that scripts/licences.py knows")
    purl = _purl("pypi", one.name, one.version)
    # Hashes of the archives, any of which may be installed: so they aren't the component's own.
    archives = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(purl.to_string()),
        comment="the archives that requirements/run.txt allows",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in one.hashes],
    )
    return Component(
        name=one.name,
        version=one.version,
        type=ComponentType.LIBRARY,
        bom_ref=purl.to_string(),
        purl=purl,
        licenses=[LicenseFactory().make_from_string(licence)],
        external_references=[archives],
    )


def _as_message(found: metadata.PackageMetadata) -> Message:
    """What importlib.metadata gives is one; its protocol lacks the methods."""
    assert isinstance(found, Message)
    return found


def _found_programs() -> Iterator[Component]:
    try:
        system = platform.freedesktop_os_release().get("ID", "linux")
    except OSError:
        system = "linux"
    for one in programs([kind.command_name for kind in TOOLS]):
        yield _program(one, system)


def _program(one: Program, system: str) -> Component:
    purl = None
    if one.package:
        qualifiers = {"arch": one.architecture}
        purl = PackageURL("deb", system, one.package, one.version, qualifiers)
    digest = hashlib.sha256(Path(one.path).read_bytes()).hexdigest()
    return Component(
        name=one.name,
        version=one.version or None,
        type=ComponentType.APPLICATION,
        bom_ref=f"file:{one.path}",
        purl=purl,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
        properties=[Property(name="netsonde:path", value=one.path)],
    )


def _purl(kind: str, name: str, version: str) -> PackageURL:
    return PackageURL(type=kind, name=name, version=version)


def main() -> int:
    """Write dist/netsonde-VERSION.cdx.json."""
    try:
        text = sbom(os.environ)
    except Unfit as error:
        print(f"sbom: {error}", file=sys.stderr)
        return 1
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(text, encoding="utf-8")
    digest = hashlib.sha256(text.encode()).hexdigest()
    print(
        f"wrote {OUT.relative_to(OUT.parent.parent)}, valid CycloneDX {SCHEMA.to_version()}, sha256 {digest}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
