"""`make sbom`: what the images contain, as CycloneDX 1.5 (cyclonedx.org/docs/1.5/json), from the lock files and what is installed.

`build/sbom-extractor.cdx.json` and `build/sbom-cache.cdx.json`: each package with version, purl, hashes and licence. It ends with 1 where
a package has no hash, no licence that is known, or one that binds who ships it with us (GPL, AGPL).
"""

from __future__ import annotations

import json
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from service_runtime.version import VERSION

ROOT = Path(__file__).parents[2]
OUTPUT = ROOT / "build"
IMAGES = ("extractor", "cache")
_LOCKED = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s\\;]+)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_BINDING = re.compile(r"(?<!L)A?GPL|General Public License(?! \(LGPL)", re.IGNORECASE)
_LESSER = re.compile(r"LGPL|Lesser General", re.IGNORECASE)


class Package(NamedTuple):
    """A locked package."""

    name: str
    version: str
    hashes: list[str]
    licence: str
    """As the package says it; "" where it doesn't."""


def packages(lock: str) -> list[Package]:
    """What a lock file names."""
    found = list(_LOCKED.finditer(lock))
    ends = [each.start() for each in found[1:]] + [len(lock)]
    return [
        Package(each[1], each[2], _HASH.findall(lock[each.start() : end]), licence_of(each[1]))
        for each, end in zip(found, ends, strict=True)
    ]


def licence_of(name: str) -> str:
    """The licence by the installed package's metadata; "" where it isn't installed or doesn't say."""
    try:
        told = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ""
    classifiers = [
        each.rpartition(" :: ")[2]
        for each in told.get_all("Classifier") or ()
        if each.startswith("License ::")
    ]
    text = told.get("License-Expression") or "; ".join(classifiers) or (told.get("License") or "").strip()
    return text.splitlines()[0][:100] if text else ""


def document(image: str, found: list[Package]) -> dict[str, object]:
    """The SBOM of one image."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": f"metaextract-{image}", "version": VERSION}},
        "components": [
            {
                "type": "library",
                "name": each.name,
                "version": each.version,
                "purl": f"pkg:pypi/{each.name.lower().replace('_', '-')}@{each.version}",
                "hashes": [{"alg": "SHA-256", "content": digest} for digest in each.hashes],
                "licenses": [{"license": {"name": each.licence}}] if each.licence else [],
            }
            for each in found
        ],
    }


def complaints(found: list[Package]) -> list[str]:
    """What is wrong with some of them."""
    wrong = []
    for each in found:
        if not each.hashes:
            wrong.append(f"{each.name}: no hash")
        if not each.licence:
            wrong.append(f"{each.name}: no licence that is known")
        elif _BINDING.search(each.licence) and not _LESSER.search(each.licence):
            wrong.append(f"{each.name}: {each.licence}")
    return wrong


def main() -> int:
    """The exit status."""
    OUTPUT.mkdir(exist_ok=True)
    wrong = []
    for image in IMAGES:
        found = packages((ROOT / "docker" / f"{image}.lock").read_text(encoding="utf-8"))
        path = OUTPUT / f"sbom-{image}.cdx.json"
        path.write_text(json.dumps(document(image, found), indent=1) + "\n", encoding="utf-8")
        print(f"{path.relative_to(ROOT)}: {len(found)} packages")
        wrong += complaints(found)
    for each in wrong:
        print(f"  {each}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
