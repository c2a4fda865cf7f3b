"""The READMEs say what is: their tables are current, their links lead somewhere, their commands run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import pytest
from google.protobuf import descriptor_pool

from metaextract.cache.v1 import (
    admin_pb2_grpc,
    chunk_pb2_grpc,
    pressure_pb2_grpc,
    result_pb2_grpc,
    similarity_pb2_grpc,
)
from metaextract.extractor.v1 import extractor_pb2_grpc
from tests.benchmarks.__main__ import BENCHMARKS
from tests.faults.__main__ import FAULTS
from tests.samples import PHOTOS
from tests.support import evidence
from tests.support.evidence import Evidence, Figure
from tests.support.optional import needs
from tests.support.pages import ROOT, anchors, code_of, files, links, prose_of, section
from tests.support.processes import clean_environ, start_extractor, wait_until
from tests.tools import readme, results

MAX_LINES, MAX_BYTES = 150, 8 * 1024  # of the first page; what is added goes to the folders' own
TEXTS = {path: (ROOT / path).read_text(encoding="utf-8") for path in files("README.md")}
FIRST = next(text for path, text in TEXTS.items() if len(path.parts) == 1)
CONTRACT_PAGE = (ROOT / "protos" / "README.md").read_text(encoding="utf-8")
CLIENT_PAGE = (ROOT / "clients" / "python" / "README.md").read_text(encoding="utf-8")
ALL_LINES = [line for text in TEXTS.values() for code in code_of(text) for line in code.text.splitlines()]
GRPCURL = sorted({line for line in ALL_LINES if re.match(r"grpcurl |echo .*\| grpcurl ", line)})
COMMANDS = [line for line in ALL_LINES if line.startswith(".venv/bin/metaextract ")]
PYTHON = [
    code.text
    for text in (FIRST, CLIENT_PAGE)
    for code in code_of(text)
    if code.language == "python" and "import" in code.text
]
CONTRACT = (
    extractor_pb2_grpc,
    result_pb2_grpc,
    chunk_pb2_grpc,
    similarity_pb2_grpc,
    pressure_pb2_grpc,
    admin_pb2_grpc,
)  # importing registers it
SERVICES = [
    "metaextract.extractor.v1.ExtractorService",
    "metaextract.cache.v1.ResultService",
    "metaextract.cache.v1.ChunkService",
    "metaextract.cache.v1.PressureService",
    "metaextract.cache.v1.SimilarityService",
    "metaextract.cache.v1.CacheAdminService",
]
every_page = pytest.mark.parametrize("page", TEXTS, ids=str)


def test_the_first_page_stays_short():
    assert len(FIRST.splitlines()) <= MAX_LINES and len(FIRST.encode()) <= MAX_BYTES


def test_the_first_page_begins_with_what_it_is_and_the_demo():
    lines = FIRST.splitlines()
    assert lines[0] == "# MetaExtract" and lines[2].endswith(".")
    assert any(line.startswith("$ make demo") for line in lines[:15]) and "make test" in FIRST


@pytest.mark.parametrize(
    ("page", "name", "content"), readme.BLOCKS, ids=[f"{b[0]}-{b[1]}" for b in readme.BLOCKS]
)
def test_what_is_generated_is_current(page, name, content):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert readme.replace(text, name, content()) == text, ".venv/bin/python -m tests.tools.readme --settings"


@every_page
def test_links_lead_somewhere(page):
    for link in links(TEXTS[page]):
        target, _, anchor = link.partition("#")
        if "://" in target:
            continue
        path = (ROOT / page).parent / target if target else ROOT / page
        assert path.exists(), link
        if anchor:
            assert anchor in anchors(path.read_text(encoding="utf-8")), link


@every_page
def test_files_and_targets_that_are_named_exist(page):
    examples = {"qoi.py", "one.qoi.json", "fieldcount.py", "halving.py", "swap.py"}  # what the guides add
    known = {path.name for path in files("*.*")}
    for name in re.findall(r"`(?:[\w.*]+/)*([\w.]+\.(?:py|proto|json|binpb|toml))`", prose_of(TEXTS[page])):
        assert name in known | examples, name
    targets = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"make ([a-z-]+)\b", " ".join(re.findall(r"`make [^`]*`", TEXTS[page]))):
        assert re.search(rf"^{target}:", targets, re.MULTILINE), target


def test_every_make_line_names_a_target_and_a_run():
    targets = (ROOT / "Makefile").read_text(encoding="utf-8")
    lines = [line for line in ALL_LINES if line.startswith("$ make ")]
    assert len(lines) >= 5
    for line in lines:
        target = re.match(r"\$ make ([a-z-]+)", line)[1]
        assert re.search(rf"^{target}:.*## ", targets, re.MULTILINE), line
        named = re.search(r"ONLY=(\w+)", line)
        assert named is None or named[1] in {**BENCHMARKS, **FAULTS}, line


def test_every_call_is_in_the_table():
    table = section(CONTRACT_PAGE, "## Calls")
    assert len(CONTRACT) == len(SERVICES)
    for service in SERVICES:
        assert f"`{service}`" in table
        for method in descriptor_pool.Default().FindServiceByName(service).methods:
            assert re.search(rf"\b{method.name}\b", table), method.full_name


def test_every_make_target_is_listed():
    helped = subprocess.run(
        ["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(targets) > 10
    for target in targets:
        assert re.search(rf"^  {target} ", helped, re.MULTILINE), target


def test_every_run_has_its_question_and_every_figure_its_goal():
    asked = [name for names in results.GROUPS.values() for name in names.split()]
    assert len(set(asked)) == len(asked)
    # The compiled engine's run of a benchmark stands beside the other.
    assert {name.removesuffix("_compiled") for name in asked} == {*BENCHMARKS, *FAULTS}
    for report in results.load():
        assert report["name"] in asked and report["commit"] and report["figures"]
        for figure in report["figures"]:
            assert bool(figure.get("goal")) == (figure.get("holds") is not None), figure
            assert set(figure) <= set(Figure.__dataclass_fields__), figure


@needs("grpcurl")
@pytest.mark.servers
@pytest.mark.parametrize("line", GRPCURL, ids=lambda line: line[-60:])
def test_grpcurl_lines_run(line, extractor_process, cache_process, cache):
    line = _on(line, extractor_process.address, cache_process.address)
    run = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    if line.startswith("echo"):
        assert re.search(r'"device_?[mM]odel": "RDC-5300"', run.stdout)
    if "SetPressureOverride" in line:
        wait_until(lambda: not cache.get_pressure().overridden)


@pytest.fixture(scope="module")
def desk(tmp_path_factory, cache_process):
    """A folder with what the examples name, and a service that may read it."""
    folder = tmp_path_factory.mktemp("desk")
    photo = next(path for path in PHOTOS if "Nikon" in path.name).read_bytes()
    (folder / "folder").mkdir()
    for name in ("photo.jpg", "folder/other.jpg"):
        (folder / name).write_bytes(photo)
    for name in ("a.fits", "large.h5"):
        (folder / name).write_bytes(b"SIMPLE  =                    T".ljust(80) + b"END".ljust(2800))
    with start_extractor(cache_process.address, METAEXTRACT_FILE_ROOTS=str(folder)) as extractor:
        yield folder, extractor


@pytest.mark.servers
@pytest.mark.parametrize("line", COMMANDS)
def test_commands_run(line, desk, cache_process):
    folder, extractor = desk
    words = shlex.split(line.partition("#")[0])[1:]
    addresses = {
        "METAEXTRACT_EXTRACTOR_ADDRESS": extractor.address,
        "METAEXTRACT_CACHE_ADDRESS": cache_process.address,
    }
    command = [sys.executable, "-m", "metaextract_client.cli", *words]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, text=True, env={**clean_environ(), **addresses}
    ) as process:
        if "--watch" in words:  # for ever
            told = process.stdout.readline()
            process.terminate()
            assert re.search("NORMAL|ELEVATED", told)
        else:
            output, _ = process.communicate(timeout=60)
            assert process.returncode == 0 and "NIKON D5000" in output


@pytest.mark.servers
@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_python_runs(number, desk, cache_process, monkeypatch, capsys):
    folder, extractor = desk
    monkeypatch.chdir(folder)
    text = _on(PYTHON[number], extractor.address, cache_process.address)
    text = text.replace("/srv/photos", str(folder / "folder"))
    exec(compile(text, "README.md", "exec"), {})
    assert "NIKON D5000" in capsys.readouterr().out


def _on(text: str, extractor: str, cache: str) -> str:
    return text.replace("127.0.0.1:50051", extractor).replace("127.0.0.1:50052", cache)


def test_a_run_that_measures_nothing_meets_no_goal_and_leaves_no_result(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(evidence, "OUTPUT", tmp_path)
    assert evidence.run_named({"nothing": Evidence}, []) == 0
    assert "nothing was measured" in capsys.readouterr().out and not list(tmp_path.iterdir())
    measured = Evidence("something")
    measured.single("a case", "a count", "count", 1, "== 0")
    assert not measured.finish() and [path.name for path in tmp_path.iterdir()] == ["something.json"]
