"""`metaextract privacy`: what in a file identifies a person, a place or a device, and what a copy to share would have to drop."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from metaextract.extractor.v1 import extractor_pb2
from metaextract_client.cli import exit_codes, human
from metaextract_client.cli.extract import described
from metaextract_client.names import sayable
from metaextract_client.render import field_to_dict

if TYPE_CHECKING:
    import argparse

    from metaextract.document.v1 import document_pb2

_SECTION, _ADVICE = "privacy", "ToShare"


def run(options: argparse.Namespace) -> int:
    """The exit code after looking at all files."""
    failed = 0
    for result in described(options, extractor_pb2.ExtractOptions(modules=["privacy"])):
        path = sayable(result.path)
        if result.extraction is None:
            failed += 1
            print(human.clean(f"{path}: {result.error}"), file=sys.stderr)
            continue
        fields = [
            field
            for section in result.extraction.document.sections
            if section.name == _SECTION
            for field in section.fields
        ]
        if options.json:
            print(
                json.dumps(
                    {"path": path, "fields": [field_to_dict(each) for each in fields]}, ensure_ascii=False
                )
            )
        else:
            _show(path, fields)
    return exit_codes.FAILED if failed else exit_codes.OK


def _show(path: str, fields: list[document_pb2.Field]) -> None:
    told = [field for field in fields if field.group != "Summary"]
    print(human.clean(path) + (": nothing in it identifies anybody" if not told else ""))
    for group in dict.fromkeys(field.group for field in told):
        own = [field for field in told if field.group == group]
        advice = next((field.value.text for field in own if field.name == _ADVICE), "")
        print(f"  {group}" + (f": to share, {advice}" if advice else ""))
        for field in own:
            if field.name != _ADVICE:
                print(f"    {human.clean(field.name)}: {human.clean(field.value.text)}")
