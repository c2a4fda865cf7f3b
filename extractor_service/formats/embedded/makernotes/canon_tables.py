"""Which of Canon's tables belong to which model or count; 1/32 EV steps. exiftool.org/TagNames/Canon.html."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# (model, table); the first that matches
CAMERA_INFO = (
    (r"\b1DS?$", "Canon::CameraInfo1D"), (r"\b1Ds? Mark II$", "Canon::CameraInfo1DmkII"), (r"\b1Ds? Mark II N$", "Canon::CameraInfo1DmkIIN"),
    (r"\b1Ds? Mark III$", "Canon::CameraInfo1DmkIII"), (r"\b1D Mark IV$", "Canon::CameraInfo1DmkIV"), (r"EOS-1D X$", "Canon::CameraInfo1DX"),
    (r"EOS 5D$", "Canon::CameraInfo5D"), (r"EOS 5D Mark II$", "Canon::CameraInfo5DmkII"), (r"EOS 5D Mark III$", "Canon::CameraInfo5DmkIII"),
    (r"EOS 6D$", "Canon::CameraInfo6D"), (r"EOS 7D$", "Canon::CameraInfo7D"), (r"EOS 40D$", "Canon::CameraInfo40D"),
    (r"EOS 50D$", "Canon::CameraInfo50D"), (r"EOS 60D$", "Canon::CameraInfo60D"), (r"EOS 70D$", "Canon::CameraInfo70D"),
    (r"EOS 80D$", "Canon::CameraInfo80D"), (r"\b(450D|REBEL XSi|Kiss X2)\b", "Canon::CameraInfo450D"),
    (r"\b(500D|REBEL T1i|Kiss X3)\b", "Canon::CameraInfo500D"), (r"\b(550D|REBEL T2i|Kiss X4)\b", "Canon::CameraInfo550D"),
    (r"\b(600D|REBEL T3i|Kiss X5)\b", "Canon::CameraInfo600D"), (r"\b(1100D|REBEL T3|Kiss X50)\b", "Canon::CameraInfo600D"),
    (r"\b(650D|REBEL T4i|Kiss X6i|700D|REBEL T5i|Kiss X7i)\b", "Canon::CameraInfo650D"), (r"\b(750D|Rebel T6i|Kiss X8i|760D|Rebel T6s|8000D)\b", "Canon::CameraInfo750D"),
    (r"\b(1000D|REBEL XS|Kiss F)\b", "Canon::CameraInfo1000D"), (r"EOS R[56]$", "Canon::CameraInfoR6"),
    (r"\bG5 X Mark II$", "Canon::CameraInfoG5XII"), (r"\bEOS (R6m2|R8|R50)$", "Canon::CameraInfoR6m2"), (r"\bEOS R6 Mark III$", "Canon::CameraInfoR6m3"),
)  # fmt: skip
CUSTOM = (
    (r"EOS-1D", "CanonCustom::Functions1D"), (r"EOS 5D$", "CanonCustom::Functions5D"), (r"EOS 10D", "CanonCustom::Functions10D"),
    (r"EOS 20D", "CanonCustom::Functions20D"), (r"EOS 30D", "CanonCustom::Functions30D"),
    (r"\b(350D|REBEL XT|Kiss Digital N)\b", "CanonCustom::Functions350D"), (r"\b(400D|REBEL XTi|Kiss Digital X|K236)\b", "CanonCustom::Functions400D"),
    (r"EOS D30\b", "CanonCustom::FunctionsD30"), (r"EOS D60\b", "CanonCustom::FunctionsD30"),
)  # fmt: skip
COLOR_DATA = {
    582: "ColorData1", 653: "ColorData2", 796: "ColorData3",
    692: "ColorData4", 674: "ColorData4", 702: "ColorData4", 1227: "ColorData4", 1250: "ColorData4", 1251: "ColorData4",
    1337: "ColorData4", 1338: "ColorData4", 1346: "ColorData4", 5120: "ColorData5", 1273: "ColorData6", 1275: "ColorData6",
    1312: "ColorData7", 1313: "ColorData7", 1316: "ColorData7", 1506: "ColorData7",
    1560: "ColorData8", 1592: "ColorData8", 1353: "ColorData8", 1602: "ColorData8", 1816: "ColorData9", 1820: "ColorData9", 1824: "ColorData9",
    2024: "ColorData10", 3656: "ColorData10", 3973: "ColorData11", 3778: "ColorData11", 4528: "ColorData12",
}  # fmt: skip
# Tables within ColorData: at which word they begin.
COLOR_SUBTABLES: Mapping[str, Mapping[str, int]] = {
    "ColorData4": {"ColorCoefs": 63, "ColorCalib": 168},
    "ColorData3": {"ColorCalib": 133},
    "ColorData1": {"ColorCalib2": 75},
    "ColorData2": {"ColorCalib2": 164},
    "ColorData5": {"ColorCoefs": 71},  # version -3, PowerShot G10 and others
    "ColorData5 -4": {"ColorCoefs2": 71},
}
MASKS: Mapping[str, int] = {}


def ev(value: int) -> float:
    """EV of a number in 1/32 steps, where 12 and 20 stand for thirds (CIFF 1.0r4)."""
    sign, value = (-1, -value) if value < 0 else (1, value)
    fraction = value & 0x1F
    whole = value - fraction
    steps = {0x0C: 32 / 3, 0x14: 64 / 3}.get(fraction, float(fraction))
    return sign * (whole + steps) / 32


def custom_choices(model: str) -> Mapping[int | str, int]:
    """Which of several meanings a custom function has in `model`."""
    del model
    return {}


_SHARED_WORDS = 3778  # of the R50 (11) and of the R50 V (12)
_LAST_OF_11 = b"\x40"  # the newest version of ColorData11; 12 begins behind it, in blocks of the same length


def color_data(count: int, version: bytes) -> str:
    """The table of a ColorData block by its words, and by its first byte where two layouts share a length."""
    table = COLOR_DATA.get(count, "ColorDataUnknown")
    if table == "ColorData11" and version > _LAST_OF_11:
        return "ColorData12" if count == _SHARED_WORDS else "ColorDataUnknown"
    return table
