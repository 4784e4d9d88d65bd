"""Images and their labels from IDX files, the format of MNIST, as they are or compressed (.gz).

A file begins with a magic number, 0 0 8 d for unsigned bytes in d dimensions, and the d sizes, all big-endian, 32 bits
each; then come the bytes, the last dimension running fastest.  LeCun, Cortes, Burges, The MNIST database.
"""

from __future__ import annotations

import gzip
import hashlib
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from rnnlab.options import ConfigError
from rnnlab.tasks.files import read_bytes, state

PARTS = ("train", "t10k")
KINDS = {"images-idx3-ubyte": 3, "labels-idx1-ubyte": 1}  # and their dimensions
NAMES = tuple(f"{part}-{kind}" for part in PARTS for kind in KINDS)


@dataclass(frozen=True, eq=False)
class ImageFiles:
    """Of each of the two parts images (N, rows, columns), of colours (N, rows, columns, 3), and labels (N,), integers;
    and the digest of all of them.

    classes: their names, where they have names.  remarks: what a person should know of the files."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    sha256: str
    classes: tuple[str, ...] | None = None
    remarks: tuple[str, ...] = ()


def has_idx(data_dir: str) -> bool:
    """Whether a folder has one of the four files."""
    return any((Path(data_dir) / f"{name}{end}").is_file() for name in NAMES for end in ("", ".gz"))


def image_files(data_dir: str) -> ImageFiles:
    """What lies in data_dir; read again only when it has changed.  Raises ConfigError, which names the file."""
    paths = [_find(data_dir, name) for name in NAMES]
    return _read(tuple((path, *state("data_dir", path)) for path in paths))


@lru_cache(maxsize=2)
def _read(states: tuple[tuple[str, int, int], ...]) -> ImageFiles:
    paths = [path for path, _, _ in states]
    arrays = [read_idx(path, n_dimensions) for path, n_dimensions in zip(paths, [3, 1, 3, 1], strict=True)]
    for (images, labels), path in zip((arrays[:2], arrays[2:]), paths[1::2], strict=True):
        if len(images) != len(labels):
            raise _unusable(path, f"has {len(labels)} labels for {len(images)} images")
        if not len(images):
            raise _unusable(path, "has no labels")
    if arrays[0].shape[1:] != arrays[2].shape[1:]:
        raise _unusable(paths[2], f"has images of {arrays[2].shape[1:]}, the training set of {arrays[0].shape[1:]}")
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape}".encode() + array.tobytes())
    train_images, train_labels, test_images, test_labels = arrays
    return ImageFiles(train_images, train_labels, test_images, test_labels, digest.hexdigest())


def read_idx(path: str, n_dimensions: int) -> np.ndarray:
    """The array in a file, uint8.  Raises ConfigError for a file of another kind or length."""
    content = read_bytes("data_dir", path)
    if path.endswith(".gz"):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise _unusable(path, f"is not a whole gzip file ({error})") from None
    header = 4 * (1 + n_dimensions)
    if len(content) < header:
        raise _unusable(path, f"is cut off: {len(content)} bytes, where the header alone has {header}")
    magic, *shape = struct.unpack_from(f">{1 + n_dimensions}i", content)
    if magic != 0x800 + n_dimensions:
        raise _unusable(path, f"begins with the magic number {magic}; must be {0x800 + n_dimensions}")
    wanted, found = int(np.prod(shape, dtype=object)), len(content) - header
    if found != wanted:
        sizes = " x ".join(map(str, shape))
        raise _unusable(path, f"is cut off or too long: {found} bytes follow the header, {sizes} need {wanted}")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)


def write_idx(path: Path, array: np.ndarray) -> None:
    """Write an array of uint8, whole or not at all."""
    temporary = path.with_name(f".{path.name}.tmp")
    header = struct.pack(f">{1 + array.ndim}i", 0x800 + array.ndim, *array.shape)
    temporary.write_bytes(header + array.astype(np.uint8).tobytes())
    temporary.replace(path)


def fetch_mnist(data_dir: str) -> None:
    """Fetch MNIST from OpenML by scikit-learn's loader and store its four files in data_dir, unless they are there."""
    folder = Path(data_dir)
    if all(any((folder / f"{name}{end}").is_file() for end in ("", ".gz")) for name in NAMES):
        return
    from sklearn.datasets import fetch_openml  # slow to import

    try:
        folder.mkdir(parents=True, exist_ok=True)
        images, labels = fetch_openml("mnist_784", version=1, return_X_y=True, as_frame=False, data_home=data_dir)
        images = np.asarray(images).reshape(-1, 28, 28)
        labels = np.asarray(labels).astype(np.uint8)
        arrays = (images[:60_000], labels[:60_000], images[60_000:], labels[60_000:])
        for name, array in zip(NAMES, arrays, strict=True):
            write_idx(folder / name, array)
    except OSError as error:
        raise ConfigError(f"task.fetch: true; MNIST cannot be fetched from OpenML ({error})") from None


def _find(data_dir: str, name: str) -> str:
    for candidate in (Path(data_dir) / name, Path(data_dir) / f"{name}.gz"):
        if candidate.is_file():
            return str(candidate)
    others = "" if has_idx(data_dir) else ", nor folders of PNG or JPEG images, one for each class"
    raise ConfigError(f"task.data_dir: {data_dir!r}; has neither {name} nor {name}.gz{others}")


def _unusable(path: str, why: str) -> ConfigError:
    return ConfigError(f"task.data_dir: {path} {why}")
