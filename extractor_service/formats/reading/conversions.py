"""Conversions that many tags share: from stored to meant values, and to what people write.

Printable forms are those that ExifTool made customary ("1/250", "+1/3", "24-70mm f/2.8"), with the "f/" and the unit
that people expect. APEX values: EXIF 2.32 annex C.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from extractor_service.document import Rational
from extractor_service.formats.reading.tagset import Conversion, plain_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor_service.document import Number, Value
_ISO_DATE: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d:\d\d)(:\d\d(?:\.\d+)?)?\s*(Z|[+-]\d\d:?\d\d)?)?)?)?$"
)


def numbers(value: Value) -> list[float]:
    """The numbers of a list or of one value; fractions as quotients, what has none as 0."""
    values = value if isinstance(value, list) else [value]
    found = []
    for each in values:
        if isinstance(each, Rational):
            found.append(each.real() or 0.0)
        elif isinstance(each, (int, float)):
            found.append(float(each))
    return found


def scaled(factor: Number, offset: Number = 0.0) -> Callable[[Value], Value]:
    """Multiplies, then adds; lists one by one."""

    def convert(value: Value) -> Value:
        if isinstance(value, (int, float)):
            return value * factor + offset
        if isinstance(value, list):
            return [each * factor + offset if isinstance(each, (int, float)) else each for each in value]
        return value

    return convert


def power_of_two(divisor: float, offset: float = 0.0, factor: float = 1.0) -> Callable[[Value], Value]:
    """Factor * 2 ** (value / divisor + offset), within what a double holds."""

    def convert(value: Value) -> Value:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            return value
        exponent = value / divisor + offset
        return factor * 2.0**exponent if -500 < exponent < 500 else 0.0

    return convert


_SHORTEST_SECONDS: Final = 1e-18  # light crosses an atom in it; the inverse of less may be no number


def exposure_text(value: Value) -> str:
    """Seconds: "1/250 s", "2.5 s"."""
    if not isinstance(value, (int, float)):
        return ""
    if math.isinf(value) or math.isnan(value):
        return plain_text(value)
    if _SHORTEST_SECONDS < value < 0.25001:
        return f"1/{int(0.5 + 1 / value)} s"
    return f"{value:.1f}".removesuffix(".0") + " s"


def f_number_text(value: Value) -> str:
    """An aperture: "f/2.8"."""
    if not isinstance(value, (int, float)):
        return ""
    return f"f/{value:.2f}" if 0 < value < 1 else f"f/{value:.1f}"


def fraction_text(value: Value) -> str:
    """Exposure values: "+1/3", "-2/3", "0"."""
    if not isinstance(value, (int, float)) or not abs(value) < 1e9:
        return ""
    shown = value * 1.00001  # away from rounding errors
    if not shown:
        return "0"
    for parts in (1, 2, 3):
        whole = int(shown * parts)
        if whole / (shown * parts) > 0.999:
            return f"{whole:+d}/{parts}" if parts > 1 else f"{whole:+d}"
    return f"{shown:+.3g}"


def fixed(form: str) -> Callable[[Value], str]:
    """Numbers by a format such as "{:.1f} mm"; nothing for anything else."""

    def printer(value: Value) -> str:
        return form.format(value) if isinstance(value, (int, float)) else ""

    return printer


def suffixed(suffix: str) -> Callable[[Value], str]:
    """The plain value with a unit behind it."""

    def printer(value: Value) -> str:
        return plain_text(value) + suffix if isinstance(value, (int, float, str)) and value != "" else ""

    return printer


def degrees_text(reference: str = "") -> Callable[[Value], str]:
    """Degrees, minutes and seconds of an unsigned angle."""

    def printer(value: Value) -> str:
        if not isinstance(value, (int, float)):
            return ""
        angle = abs(value)
        whole = int(angle)
        minutes = (angle - whole) * 60
        seconds = (minutes - int(minutes)) * 60
        if f"{seconds:.2f}" == "60.00":
            seconds, minutes = 0.0, minutes + 1
            if int(minutes) >= 60:
                minutes, whole = 0.0, whole + 1
        return f"{whole} deg {int(minutes)}' {seconds:.2f}\"" + reference

    return printer


def sided_text(letters: str) -> Callable[[Value], str]:
    """The same of a signed angle, with the letter of its side: "NS" or "EW"."""
    plain = degrees_text()
    return lambda value: f"{plain(value)} {letters[value < 0]}" if isinstance(value, (int, float)) else ""


def lens_text(value: Value) -> str:
    """Four numbers (shortest and longest focal length, largest aperture at each): "24-70mm f/2.8"."""
    found: list[float | None] = []
    for each in value if isinstance(value, list) else []:
        real = each.real() if isinstance(each, Rational) else each
        found.append(float(real) if isinstance(real, (int, float)) and math.isfinite(real) else None)
    if len(found) != 4:
        return ""

    def shown(number: float | None) -> str:
        return "?" if number is None else f"{number:.10g}"

    short, long, wide, narrow = found
    text = shown(short)
    if long and long != short:
        text += f"-{shown(long)}"
    text += f"mm f/{shown(wide)}"
    if narrow and narrow != wide:
        text += f"-{shown(narrow)}"
    return text


def joined(separator: str) -> Callable[[Value], str]:
    """The values of a list with something between them."""

    def printer(value: Value) -> str:
        return separator.join(map(plain_text, value)) if isinstance(value, list) else ""

    return printer


def text_of_bytes(value: Value) -> Value:
    """Bytes that are text, up to the first NUL."""
    if isinstance(value, list) and all(isinstance(each, int) and 0 <= each < 256 for each in value):
        value = bytes(value)  # type: ignore[arg-type]
    if not isinstance(value, bytes):
        return value
    data = value.split(b"\0", 1)[0]
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def numbers_of_bytes(value: Value) -> Value:
    """Bytes as a list of their numbers; one byte as a number."""
    if isinstance(value, bytes):
        return value[0] if len(value) == 1 else [*value]
    return value


def date_text(year: int, month: int, day: int, hour: int, minute: int, second: int) -> str:
    """A time with the colons that EXIF made customary."""
    return f"{year:04d}:{month:02d}:{day:02d} {hour:02d}:{minute:02d}:{second:02d}"


def date_after(year: int, seconds: float) -> str:
    """The UTC time so many seconds after the year began; "" beyond the calendar."""
    try:
        moment = datetime(year, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except OverflowError:
        return ""
    return moment.strftime("%Y:%m:%d %H:%M:%S")


def unix_time(value: Value) -> Value:
    """The date of a number of seconds since 1970 (UTC); zeros for 0, as cameras without a clock have it."""
    if not isinstance(value, (int, float)):
        return value
    if not value:
        return date_text(0, 0, 0, 0, 0, 0)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=value)
    return f"{moment:%Y:%m:%d %H:%M:%S}"


def date_of_bytes(value: Value) -> Value:
    """The date in a two-byte year and five more bytes. The year's order is the one that gives a year of our times."""
    if not isinstance(value, bytes) or len(value) < 7:
        return value
    year = int.from_bytes(value[:2], "little")
    if not 1900 < year < 2200:
        year = int.from_bytes(value[:2])
    return date_text(year, *value[2:7])


def zone_text(value: Value) -> str:
    """Minutes east of Greenwich: "+01:00"."""
    if not isinstance(value, int):
        return ""
    minutes = abs(value)
    return f"{'-' if value < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def colon_date(text: str) -> str:
    """ISO 8601 with the colons that EXIF made customary, as ExifTool writes it."""
    found = _ISO_DATE.match(text.strip())
    if not found:
        return text
    year, month, day, clock, seconds, zone = found.groups()
    date = ":".join(each for each in (year, month, day) if each)
    return f"{date} {clock}{seconds or ''}{zone or ''}" if clock else date


def duration_text(seconds: float) -> str:
    """Seconds: "2.50 s", "1:02:03" from half a minute on."""
    if not seconds:
        return "0 s"
    if seconds < 30:
        return f"{seconds:.2f} s"
    days, clock = divmod(int(seconds + 0.5), 86400)
    text = f"{clock // 3600}:{clock // 60 % 60:02d}:{clock % 60:02d}"
    return f"{days} days {text}" if days else text


def signed(value: int, bits: int) -> int:
    """`value` as a two's complement number of `bits` bits."""
    return value - (1 << bits) if value >> bits - 1 else value


EXPOSURE: Conversion = Conversion(None, exposure_text, "s")
F_NUMBER: Conversion = Conversion(None, f_number_text)
FRACTION: Conversion = Conversion(None, fraction_text, "EV")
MILLIMETRES: Conversion = Conversion(None, suffixed(" mm"), "mm")
MILLIMETRES_1: Conversion = Conversion(None, fixed("{:.1f} mm"), "mm")
METRES: Conversion = Conversion(None, suffixed(" m"), "m")
CELSIUS: Conversion = Conversion(None, suffixed(" C"), "C")
LENS: Conversion = Conversion(None, lens_text)
TEXT: Conversion = Conversion(text_of_bytes)
BYTES: Conversion = Conversion(numbers_of_bytes)
COUNTED: Conversion = Conversion(lambda value: value + 1 if isinstance(value, int) else value)
"""Counted from 0 in the file, from 1 by people."""
