"""What the field's readers say of fonts and programs; see `documents_oracles.py`."""

from __future__ import annotations

from pathlib import Path

from documents_oracles import Facts, date


def font(path: str) -> dict:
    from fontTools.ttLib import TTCollection, TTFont
    from fontTools.ttLib.tables import _n_a_m_e as languages

    with Path(path).open("rb") as stream:
        is_many = stream.read(4) == b"ttcf"
    fonts = TTCollection(path, lazy=True).fonts if is_many else [TTFont(path, lazy=True)]
    facts = Facts({"fonts": len(fonts)})

    def names(one) -> list:
        found = []
        for each in one["name"].names if "name" in one else []:
            known = languages._WINDOWS_LANGUAGES if each.platformID == 3 else languages._MAC_LANGUAGES
            if each.nameID > 25:  # what other tables name, and makers' own
                continue
            tag = known.get(each.langID, "?") if each.platformID else "en"
            tag = tag if isinstance(tag, str) and each.langID < 0x8000 else "?"
            found.append([each.nameID, tag.partition("-")[0], each.toUnicode("replace").strip("\0")])
        return sorted(found)

    def listed(one, what: str) -> list:
        found = set()
        for tag in {"GSUB", "GPOS"} & set(one.keys()):
            table = getattr(one[tag].table, f"{what}List", None)
            found |= {
                getattr(each, f"{what}Tag").strip() for each in getattr(table, f"{what}Record", None) or []
            }
        return sorted(found)

    def of(tag: str, attribute: str):
        return lambda one: getattr(one[tag], attribute) if tag in one else None

    def stamp(at: int):
        def read(one) -> str | None:
            seconds = int.from_bytes(one.reader["head"][at : at + 8], "big") if "head" in one else 0
            return date(seconds - 2_082_844_800) if seconds else None

        return read

    for fact, told in {
        "names": names, "weight": of("OS/2", "usWeightClass"), "width": of("OS/2", "usWidthClass"),
        "embedding": of("OS/2", "fsType"),
        "vendor": lambda one: one["OS/2"].achVendID.strip("\0 ") if "OS/2" in one else None,
        "glyphs": of("maxp", "numGlyphs"),
        "units": of("head", "unitsPerEm"), "revision": lambda one: round(one["head"].fontRevision, 3),
        "mac style": of("head", "macStyle"),
        "created": stamp(20), "modified": stamp(28), "angle": of("post", "italicAngle"),
        "fixed": of("post", "isFixedPitch"),
        "characters": lambda one: len(one["cmap"].getBestCmap() or ()) if "cmap" in one else None,
        "axes": lambda one: [[a.axisTag, a.minValue, a.defaultValue, a.maxValue] for a in one["fvar"].axes]
        if "fvar" in one else [],
        "instances": lambda one: len(one["fvar"].instances) if "fvar" in one else None,
        "features": lambda one: listed(one, "Feature"), "scripts": lambda one: listed(one, "Script"),
        "tables": lambda one: len(one.reader.keys()),
    }.items():  # fmt: skip
        facts.ask(fact, lambda told=told: [told(one) for one in fonts])
    return facts


def elf(path: str) -> dict:
    from elftools.elf.elffile import ELFFile

    with Path(path).open("rb") as stream:
        file = ELFFile(stream)
        facts = Facts({"bits": file.elfclass, "little endian": file.little_endian, "entry": file["e_entry"]})
        raw = Path(path).read_bytes()[16:20]
        facts |= {
            name: int.from_bytes(raw[at : at + 2], "little" if file.little_endian else "big")
            for name, at in (("type", 0), ("machine", 2))
        }
        facts |= {
            "segments": file.num_segments(),
            "sections": [each.name for each in file.iter_sections() if each.name],
        }
        dynamic = next((each for each in file.iter_segments("PT_DYNAMIC")), None)
        tags = list(dynamic.iter_tags()) if dynamic else []
        facts["needed"] = [each.needed for each in tags if each.entry.d_tag == "DT_NEEDED"]
        for tag in ("soname", "rpath", "runpath"):
            facts[tag] = next(
                (getattr(each, tag) for each in tags if each.entry.d_tag == f"DT_{tag.upper()}"), None
            )
        facts["interpreter"] = next(
            (each.get_interp_name() for each in file.iter_segments("PT_INTERP")), None
        )
        notes = [note for each in file.iter_segments("PT_NOTE") for note in each.iter_notes()]
        notes += (
            [] if notes else [note for each in file.iter_sections("SHT_NOTE") for note in each.iter_notes()]
        )
        facts["build id"] = next(
            (each["n_desc"] for each in notes if each["n_type"] == "NT_GNU_BUILD_ID"), None
        )
        symbols, dynamic_symbols = (file.get_section_by_name(name) for name in (".symtab", ".dynsym"))
        facts["stripped"] = symbols is None
        facts["symbols"] = symbols.num_symbols() if symbols else None
        facts["dynamic symbols"] = dynamic_symbols.num_symbols() if dynamic_symbols else None
        facts["debug information"] = any(
            each.name in {".debug_info", ".zdebug_info"} for each in file.iter_sections()
        )
        stack = next((each["p_flags"] & 1 for each in file.iter_segments("PT_GNU_STACK")), None)
        facts["executable stack"] = None if stack is None else bool(stack)
    return {name: value for name, value in facts.items() if value is not None}


def pe(path: str) -> dict:
    import pefile

    file = pefile.PE(path)
    head, more, text = (
        file.FILE_HEADER,
        file.OPTIONAL_HEADER,
        lambda raw: raw.rstrip(b"\0").decode("utf-8", "replace"),
    )
    facts = Facts({
        "machine": head.Machine, "time": head.TimeDateStamp, "subsystem": more.Subsystem,
        "characteristics": head.Characteristics, "kind": more.Magic,
        "entry": more.AddressOfEntryPoint, "base": more.ImageBase, "check sum": more.CheckSum,
        "code size": more.SizeOfCode,
        "linker": f"{more.MajorLinkerVersion}.{more.MinorLinkerVersion}",
        "system": f"{more.MajorOperatingSystemVersion}.{more.MinorOperatingSystemVersion}",
        "ASLR": bool(more.DllCharacteristics & 0x40), "DEP": bool(more.DllCharacteristics & 0x100),
        "guard": bool(more.DllCharacteristics & 0x4000),
        "sections": [[text(each.Name), each.SizeOfRawData, each.Misc_VirtualSize] for each in file.sections],
    })  # fmt: skip
    imports = getattr(file, "DIRECTORY_ENTRY_IMPORT", [])
    facts |= {
        "imported libraries": [text(each.dll) for each in imports],
        "imported functions": sum(len(each.imports) for each in imports),
    }
    exports = getattr(file, "DIRECTORY_ENTRY_EXPORT", None)
    if exports is not None:
        facts |= {"exports": len(exports.symbols), "export name": text(exports.name)}
    strings = [
        [text(key), text(value).strip()]
        for info in getattr(file, "FileInfo", []) for each in info if each.Key == b"StringFileInfo"
        for table in each.StringTable for key, value in table.entries.items()
    ]  # fmt: skip
    facts["version strings"] = sorted(strings)
    fixed = getattr(file, "VS_FIXEDFILEINFO", None)
    if fixed:
        high, low = fixed[0].FileVersionMS, fixed[0].FileVersionLS
        facts["file version"] = f"{high >> 16}.{high & 65535}.{low >> 16}.{low & 65535}"
    facts["signed"] = bool(more.DATA_DIRECTORY[4].Size)
    return facts


def macho(path: str) -> dict:
    from macholib.MachO import MachO

    headers = MachO(path).headers
    facts = {"architectures": len(headers)}
    told: dict[str, list] = {
        name: []
        for name in ("commands", "uuid", "needed", "segments", "run paths", "name", "sections", "symbols")
    }
    whole = lambda value: int(getattr(value, "_version", value))
    dotted = lambda value: f"{whole(value) >> 16}.{whole(value) >> 8 & 255}.{whole(value) & 255}"
    for each in headers:
        found: dict[str, list] = {name: [] for name in told}
        for load, command, data in each.commands:
            string = data.rstrip(b"\0").partition(b"\0")[0].decode() if isinstance(data, bytes) else ""
            kind = load.cmd & 0x7FFFFFFF
            if kind in {0xC, 0x18, 0x1F, 0x23} and kind != 0xD:
                found["needed"].append(f"{string} ({dotted(command.current_version)})")
            elif kind == 0xD:
                found["name"].append([string, dotted(command.current_version)])
            elif kind in {1, 0x19}:
                found["segments"].append(command.segname.rstrip(b"\0").decode())
                found["sections"].append(command.nsects)
            elif kind == 0x1B:
                found["uuid"].append(command.uuid.hex())
            elif kind == 0x1C:
                found["run paths"].append(string)
            elif kind == 2:
                found["symbols"].append(command.nsyms)
        found["commands"] = [each.header.ncmds]
        found["sections"] = [sum(found["sections"])]
        for name, values in found.items():
            told[name].append(values)
    facts |= {
        "cpu": [each.header.cputype & 0xFFFFFFFF for each in headers],
        "type": [each.header.filetype for each in headers],
    }
    return facts | told
