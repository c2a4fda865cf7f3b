"""Observations: traces that were planted, alarms about healthy photographs, and content credentials against c2pa-python.

Needs for the last one c2pa-python in build/oracles/pictures; the corpus for the second.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path

from tests.support.corpus import corpus
from tests.support.evidence import ROOT, Evidence
from tests.support.modules_run import run as run_modules
from tests.tools import traces

_CORPUS = corpus() or ROOT / "no corpus"
_ORACLE = ROOT / "build/oracles/pictures/bin/python"
_FOLDERS = ("jpeg", "png", "heif", "webp", "gif", "raw", "tiff", "psd", "jp2", "jxl", "c2pa")
_GRAVE = {"WARNING", "ALERT"}
_ASK = """
import json, sys, c2pa
told = {}
for path in sys.argv[1:]:
    try:
        with c2pa.Reader(path) as reader:
            told[path] = json.loads(reader.json())
    except Exception:
        told[path] = None
print(json.dumps(told))
"""
# Files of the corpus that were changed after they were signed, for readers to find out.
_TAMPERED = ("E-sig-CA", "E-uri-CA", "XCA", "E-uri-CIE-sig-CA")


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    planted = list(traces.planted())
    found = sum(
        kind in {each.kind for each in run_modules(data, "provenance", "thumbnail", name=file).observations}
        for file, data, kind in planted
    )
    evidence.single(
        "traces that were planted, each once",
        f"found, of {len(planted)}",
        "files",
        found,
        f"== {len(planted)}",
    )
    _alarms(evidence)
    _credentials(evidence)
    return evidence


def _alarms(evidence: Evidence) -> None:
    files = [path for folder in _FOLDERS for path in sorted((_CORPUS / folder).glob("*")) if path.is_file()]
    healthy = [path for path in files if not any(path.stem.endswith(f"-{each}") for each in _TAMPERED)]
    alarmed, kinds = 0, Counter[str]()
    for path in healthy:
        observed = run_modules(path.read_bytes(), "provenance", "thumbnail", name=path.name).observations
        kinds.update(each.kind for each in observed)
        grave = [each for each in observed if each.severity.name in _GRAVE]
        alarmed += bool(grave)
        for each in grave:
            print(f"  {path.name}: {each.statement}")
    print(f"  {dict(kinds)}")
    if healthy:
        evidence.single(
            f"{len(healthy)} pictures of the corpus",
            "with a warning or more",
            "%",
            100 * alarmed / len(healthy),
            "<= 2",
        )


def _credentials(evidence: Evidence) -> None:
    files = [str(path) for path in sorted((_CORPUS / "c2pa").glob("*.jpg"))]
    if not files or not _ORACLE.exists():
        print("  c2pa-python isn't in build/oracles/pictures, or there is no corpus")
        return
    told = subprocess.run([str(_ORACLE), "-c", _ASK, *files], capture_output=True, text=True, check=True)
    claims = equal = verdicts = right = 0
    for path, theirs in json.loads(told.stdout).items():
        document = run_modules(Path(path).read_bytes(), "c2pa")
        ours = {
            field.name: field.value for field in document.sections.get("c2pa", ()) if field.group == "Active"
        }
        if theirs is None:
            claims += 1
            equal += not ours
            continue
        active = theirs["manifests"][theirs["active_manifest"]]
        signed = active.get("signature_info") or {}
        pairs = [
            (theirs["active_manifest"], ours.get("Label")), (active.get("title"), ours.get("Title")), (active.get("instance_id"), ours.get("InstanceID")),
            (active.get("claim_generator"), ours.get("ClaimGenerator")), (signed.get("issuer"), ours.get("SignerOrganization")),
            (signed.get("common_name"), ours.get("SignerName")), (signed.get("cert_serial_number"), ours.get("CertificateSerial")),
            (len(active.get("ingredients") or []), len({field.group for field in document.sections["c2pa"] if field.group.startswith("Active ingredient")})),
        ]  # fmt: skip
        claims += len(pairs)
        equal += sum(one == other for one, other in pairs)
        codes = {each["code"] for each in theirs.get("validation_status") or []}
        verdicts += 3
        right += ("assertion.dataHash.mismatch" in codes) == (ours["ContentBinding"] == "differs")
        right += ("claimSignature.mismatch" in codes and "CIE" not in path) == (
            ours["ClaimSignature"] == "differs"
        )
        right += ("assertion.hashedURI.mismatch" in codes and "CIE" not in path) == (
            "AssertionHashesDiffering" in ours
        )
    evidence.single(
        f"{len(files)} public test files, against c2pa-python",
        f"equal claims, of {claims}",
        "facts",
        equal,
        f"== {claims}",
    )
    evidence.single(
        "the same", f"equal verdicts on hashes and signature, of {verdicts}", "facts", right, f"== {verdicts}"
    )
