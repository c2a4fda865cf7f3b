"""The contract in languages whose stubs aren't committed: it generates, with the packages and namespaces that it names."""

from pathlib import Path

import pytest
from grpc_tools import protoc

PROTOS = Path(__file__).parents[2] / "protos"
FILES = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("csharp", "namespace MetaExtract.Extractor.V1"),
        ("java", "package io.metaextract.extractor.v1;"),
        ("cpp", "namespace metaextract"),
        ("php", "namespace Metaextract\\Extractor\\V1"),
        ("ruby", "Metaextract::Extractor::V1"),
    ],
)
def test_messages_generate(language, expected, tmp_path):
    assert protoc.main(["protoc", f"-I{PROTOS}", f"--{language}_out={tmp_path}", *FILES]) == 0
    texts = [path.read_text(encoding="utf-8") for path in tmp_path.rglob("*") if path.is_file()]
    assert any(expected in text for text in texts)
    if language == "java":
        assert (tmp_path / "io/metaextract/extractor/v1/ExtractRequest.java").exists(), (
            "a file for each message"
        )
