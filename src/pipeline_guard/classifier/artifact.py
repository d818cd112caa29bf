"""Stores the trained model with skops, the same bytes each time, and reads it back in a blink.

The file is what `skops.io.dump` writes for a plain dict of arrays (a zip of `.npy` files and a
`schema.json`), and `skops.io.load` opens it. Importing skops costs seconds because it brings
scikit-learn, so reading for inference unpacks the same zip with the standard library alone; a
test holds both readers to the same numbers. Nothing in the file can run: there is no pickle.
"""

import ast
import hashlib
import io
import json
import re
import struct
import zipfile
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import count
from pathlib import Path
from typing import Any

from pipeline_guard.classifier.features import VERSION
from pipeline_guard.errors import ConfigError

FILE_NAME = "model.skops"
_NUMBERS = ("idf", "weights", "bias")
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MAX_BYTES = 64 * 1024 * 1024
_TYPES = {"<f4": "f", "|u1": "B"}


@dataclass(frozen=True, slots=True)
class Table:
    """One linear model over terms: `rows[term]` is the term's row, `idf` one number a row.

    `weights` holds the rows one after another, as many numbers each as `bias` has.
    """

    rows: Mapping[str, int]
    idf: Sequence[float]
    weights: Sequence[float]
    bias: Sequence[float]


@dataclass(frozen=True, slots=True)
class Weights:
    """All a trained model is: the line model (one column), the category model, and `meta`."""

    classes: tuple[str, ...]
    lines: Table
    categories: Table
    meta: Mapping[str, Any]


def default_folder() -> Path:
    """Where the shipped model is: inside the wheel, or at the top of a source checkout."""
    packaged = Path(str(files("pipeline_guard"))) / "models" / "failure-classifier"
    if packaged.is_dir():
        return packaged
    return Path(__file__).resolve().parents[3] / "models" / "failure-classifier"


def dump(tables: Mapping[str, Mapping[str, Any]], meta: Mapping[str, Any]) -> bytes:
    """The artifact's bytes.

    `tables` has `lines` and `categories`, each with `terms` (a list of text) and the float32
    NumPy arrays `idf`, `weights` (a row a term) and `bias`. `meta` must be plain JSON.
    """
    import numpy as np  # noqa: PLC0415 (only training pays for these)
    import skops.io  # noqa: PLC0415

    content: dict[str, Any] = {"meta": json.dumps({**meta, "features": VERSION}, sort_keys=True)}
    for name, table in tables.items():
        joined = "\n".join(table["terms"]).encode("utf-8")
        content[f"{name}_terms"] = np.frombuffer(joined, dtype=np.uint8)
        for part in _NUMBERS:
            content[f"{name}_{part}"] = np.ascontiguousarray(table[part], dtype=np.float32)
    return _same_each_time(skops.io.dumps(content))


def _same_each_time(data: bytes) -> bytes:
    """Skops names things by memory address and stamps the time; number them instead."""
    names: dict[str, str] = {}
    numbers = count(1)

    def rename(match: re.Match[str]) -> str:
        names[match[1]] = f"{len(names)}.npy"
        return f'"file": "{names[match[1]]}"'

    with zipfile.ZipFile(io.BytesIO(data)) as before:
        schema = before.read("schema.json").decode()
        schema = re.sub(r'"file": "([^"]+)"', rename, schema)
        schema = re.sub(r'"__id__": \d+', lambda _: f'"__id__": {next(numbers)}', schema)
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as after:
            after.writestr(zipfile.ZipInfo("schema.json", _EPOCH), schema)
            for old, new in names.items():
                after.writestr(zipfile.ZipInfo(new, _EPOCH), before.read(old))
    return out.getvalue()


def load(folder: Path) -> Weights:
    """Read the artifact of a folder; ConfigError when it is missing, damaged or of another age."""
    path = folder / FILE_NAME
    try:
        return parse(path.read_bytes())
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: no trained model there; `pipeline-guard train MANIFEST --out DIR` makes one"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, struct.error) as error:
        raise ConfigError(f"{path}: not a model of this product ({error})") from error


def fingerprint(folder: Path) -> str:
    """The first twelve hex digits of the artifact's SHA-256; "none" where there is none."""
    try:
        return hashlib.sha256((folder / FILE_NAME).read_bytes()).hexdigest()[:12]
    except OSError:
        return "none"


def parse(data: bytes) -> Weights:
    """Read the artifact's bytes; raises what zipfile, json or a wrong shape raise."""
    parts = _unpack(data)
    return _weights(parts, json.loads(str(parts["meta"])))


def _weights(parts: Mapping[str, Any], meta: Mapping[str, Any]) -> Weights:
    if meta.get("features") != VERSION:
        raise ValueError(f"made for features {meta.get('features')}, this version has {VERSION}")
    classes = tuple(meta["classes"])
    lines, categories = _table(parts, "lines"), _table(parts, "categories")
    if len(lines.bias) != 1 or len(categories.bias) != len(classes):
        raise ValueError("the classes do not fit the arrays")
    return Weights(classes, lines, categories, meta)


def _table(parts: Mapping[str, Any], name: str) -> Table:
    terms = parts[f"{name}_terms"].tobytes().decode("utf-8").split("\n")
    idf, weights, bias = (parts[f"{name}_{part}"] for part in _NUMBERS)
    if len(idf) != len(terms) or len(weights) != len(terms) * len(bias):
        raise ValueError("the arrays do not fit each other")
    return Table({term: row for row, term in enumerate(terms)}, idf, weights, bias)


def _unpack(data: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > _MAX_BYTES:
            raise ValueError("larger than any model of ours")
        schema = json.loads(archive.read("schema.json"))
        parts: dict[str, Any] = {}
        for key, node in schema["content"].items():
            if node["__loader__"] == "NdArrayNode":
                parts[key] = _npy(archive.read(node["file"]))
            else:
                parts[key] = json.loads(node["content"])
        return parts


def _npy(data: bytes) -> "array[Any]":
    """The numbers of a NumPy file, flat in C order (format 1.0 of NumPy's own documentation)."""
    if data[:8] != b"\x93NUMPY\x01\x00":
        raise ValueError("not a NumPy array of format 1.0")
    (length,) = struct.unpack_from("<H", data, 8)
    header = ast.literal_eval(data[10 : 10 + length].decode("latin-1").strip())
    if header["fortran_order"]:
        raise ValueError("array is in Fortran order")
    numbers = array(_TYPES[header["descr"]])
    numbers.frombytes(data[10 + length :])
    return numbers
