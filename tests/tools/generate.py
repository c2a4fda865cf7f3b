"""`make protos`: generates the Python, Go and JavaScript code of the contract.

Python always; Go and JavaScript where their toolchains are installed. `--check FOLDER` generates into a folder
instead, for the comparison in `make check`; `--baseline` makes the present contract the one that later changes
are compared with.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from grpc_tools import protoc

from tests.tools import synchronous

ROOT = Path(__file__).parents[2]
PROTOS = ROOT / "protos"
NODE = ROOT / "clients" / "node"
GO = ROOT / "clients" / "go"
TOOLS = ROOT / "build" / "bin"
BUF = NODE / "node_modules" / ".bin" / "buf"
BASELINE = PROTOS / "baseline.binpb"


def proto_files() -> list[str]:
    return sorted(path.relative_to(PROTOS).as_posix() for path in PROTOS.rglob("*.proto"))


def generate_python(output: Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    scripts = Path(sys.executable).parent
    run_protoc(
        f"--plugin=protoc-gen-mypy={scripts / 'protoc-gen-mypy'}",
        f"--plugin=protoc-gen-mypy_grpc={scripts / 'protoc-gen-mypy_grpc'}",
        f"--python_out={output}",
        f"--grpc_python_out={output}",
        f"--mypy_out=quiet:{output}",
        f"--mypy_grpc_out=quiet:{output}",
    )
    # A file without services needs no gRPC module; an empty one would make the workers' contract import gRPC.
    for file in output.rglob("*_pb2_grpc.py*"):
        if file.name.startswith("document_"):
            file.unlink()


def generate_go(output: Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    if not (TOOLS / "protoc-gen-go").exists():
        subprocess.run(["go", "install", "tool"], cwd=GO, env={**os.environ, "GOBIN": str(TOOLS)}, check=True)
    module = "github.com/metaextract/metaextract/clients/go/gen"
    run_protoc(
        f"--plugin=protoc-gen-go={TOOLS / 'protoc-gen-go'}",
        f"--plugin=protoc-gen-go-grpc={TOOLS / 'protoc-gen-go-grpc'}",
        f"--go_out={output}",
        f"--go_opt=module={module}",
        f"--go-grpc_out={output}",
        f"--go-grpc_opt=module={module}",
    )


def generate_javascript(output: Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    install_node_packages()
    plugin = NODE / "node_modules" / ".bin" / "protoc-gen-es"
    run_protoc(
        f"--plugin=protoc-gen-es={plugin}", f"--es_out={output}", "--es_opt=target=js,import_extension=js"
    )


def install_node_packages() -> None:
    """The example's packages, with buf among them, from the lock file."""
    if not BUF.exists():
        subprocess.run(["npm", "ci", "--silent"], cwd=NODE, check=True)


def run_protoc(*arguments: str) -> None:
    include = Path(protoc.__file__).parent / "_proto"
    if protoc.main(["protoc", f"-I{PROTOS}", f"-I{include}", *arguments, *proto_files()]) != 0:
        raise SystemExit("protoc failed")


LANGUAGES = {
    "python": (generate_python, "python3", "protos"),
    "go": (generate_go, "go", "clients/go/gen"),
    "javascript": (generate_javascript, "npm", "clients/node/gen"),
}
"""By language: the function, the program that it needs, and where the code goes."""


def outputs(base: Path) -> dict[str, tuple]:
    """By language whose program is here: the function, where the code belongs, and where it goes now."""
    return {
        language: (generate, ROOT / folder, base / folder)
        for language, (generate, program, folder) in LANGUAGES.items()
        if language == "python" or shutil.which(program)
    }


def main(arguments: list[str]) -> int:
    base = Path(arguments[1]) if arguments[:1] == ["--check"] else ROOT
    for language, (generate, _, output) in outputs(base).items():
        generate(output)
        print(f"generated {language}")
    for language in LANGUAGES.keys() - outputs(base):
        print(f"skipped {language}: {LANGUAGES[language][1]} isn't installed")
    if base == ROOT:
        synchronous.main()
    if "--baseline" in arguments:
        install_node_packages()
        if BASELINE.exists():
            subprocess.run([str(BUF), "breaking", str(PROTOS), "--against", str(BASELINE)], check=True)
        subprocess.run([str(BUF), "build", str(PROTOS), "-o", str(BASELINE)], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
