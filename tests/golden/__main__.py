"""Writes the expected documents anew. Read the difference before committing it."""

import json
from pathlib import Path

from tests.golden.documents import golden_document
from tests.golden.samples import SAMPLES

EXPECTED = Path(__file__).parent / "expected"

for name, make in SAMPLES.items():
    text = json.dumps(golden_document(make(), name), indent=1, ensure_ascii=False) + "\n"
    (EXPECTED / f"{name}.json").write_text(text, encoding="utf-8")
