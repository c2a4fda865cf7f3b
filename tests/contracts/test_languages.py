"""The contract in languages whose stubs aren't committed: it generates, with the packages and namespaces that it names."""

import subprocess
from pathlib import Path

import pytest

from tests.support.optional import needs

PROTOS = Path(__file__).parents[2] / "protos"
FILES = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))


@needs("protoc")
@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("csharp", "namespace MetaExtract.Extractor.V1"),
        ("java", "package io.metaextract.extractor.v1;"),
        ("cpp", "namespace metaextract"),
    ],
)
def test_messages_generate(language, expected, tmp_path):
    subprocess.run(["protoc", f"-I{PROTOS}", f"--{language}_out={tmp_path}", *FILES], check=True)
    texts = [path.read_text(encoding="utf-8") for path in tmp_path.rglob("*") if path.is_file()]
    assert any(expected in text for text in texts)
    if language == "java":
        assert (tmp_path / "io/metaextract/extractor/v1/ExtractRequest.java").exists(), (
            "a file for each message"
        )
