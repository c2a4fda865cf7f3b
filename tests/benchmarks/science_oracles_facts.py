"""Facts of the oracles, by the keys of our documents; see `science_oracles.py`."""

from __future__ import annotations

import base64
import math

import numpy as np


class Facts(dict):
    """Facts by key; a struct is a fact an entry."""

    def put(self, section: str, group: str, name: str, value: object) -> None:
        key, number = f"{section}|{group}|{name}", 0
        while key in self or f"{key}|" in self:
            number += 1
            key = f"{section}|{group}|{name}#{number}"
        if isinstance(value, dict):
            self[f"{key}|"] = None
            for entry, each in value.items():
                if each is not None:
                    self[f"{key}|{entry}"] = plain(each)
        else:
            self[key] = plain(value)

    def done(self) -> dict:
        return {key: value for key, value in self.items() if not key.endswith("|")}


def plain(value: object) -> object:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, complex):
        return {"real": value.real, "imaginary": value.imag}
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def text_of(value: object) -> object:
    if isinstance(value, bytes):
        try:
            return value.rstrip(b"\0").decode()
        except UnicodeDecodeError:
            return value
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list):
        return [text_of(each) for each in value]
    return value
