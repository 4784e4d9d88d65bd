"""Images in a folder, with a folder for each class: photos/cat/*.png, photos/dog/*.jpg.

Read with Pillow, PNG and JPEG, 8 bits a colour.  They are turned as their EXIF data say; what is transparent is white.

The order follows from what the files hold: within a class the images are in the order of their SHA-256, and classes are
mixed evenly.  The test part is the end of this order, so it is the same on every machine, and each class has its share
of it.  A file that is there several times counts once, so no image is both in training and in test.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from io import BytesIO

import numpy as np

from rnnlab.options import ConfigError
from rnnlab.tasks.files import read_bytes
from rnnlab.tasks.idx import ImageFiles

ENDINGS = (".png", ".jpg", ".jpeg")
CHANNELS: Mapping[int, str] = {1: "L", 3: "RGB"}  # and Pillow's names for them

State = tuple[str, str, int, int]  # class, path, when modified, size


@dataclass(frozen=True, eq=False)
class Photo:
    """An image that was read.  name: of its class.  sha256: of its file.  pixels: uint8, (rows, columns) or (rows,
    columns, 3)."""

    name: str
    path: str
    sha256: str
    pixels: np.ndarray


def photo_files(data_dir: str, channels: int, size: int | None, test_fraction: float | None) -> ImageFiles | None:
    """The images of data_dir; None where no folder in it has images.  They are read again only when a file has changed.

    channels: 1 or 3.  size: rows and columns to which each is resized; None: all must have the same.  test_fraction:
    None: a sixth.  Raises ConfigError, which names the file."""
    states, n_others = _states(data_dir)
    return _read(data_dir, states, n_others, channels, size, test_fraction) if states else None


def _states(data_dir: str) -> tuple[tuple[State, ...], int]:
    """The images of all classes, in the order of their paths; and how many files are no images.  Files and folders
    whose names begin with a dot are not seen."""
    found, n_others = [], 0
    try:
        folders = [entry for entry in os.scandir(data_dir) if entry.is_dir() and not entry.name.startswith(".")]
        for folder in folders:
            for file in os.scandir(folder):
                if file.is_dir() or file.name.startswith("."):
                    continue
                if file.name.lower().endswith(ENDINGS):
                    stat = file.stat()
                    found.append((folder.name, file.path, stat.st_mtime_ns, stat.st_size))
                else:
                    n_others += 1
    except OSError as error:
        if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
            raise ConfigError(f"task.data_dir: {data_dir!r}; cannot be read ({error})") from None
    return tuple(sorted(found)), n_others


@lru_cache(maxsize=2)
def _read(
    data_dir: str,
    states: tuple[State, ...],
    n_others: int,
    channels: int,
    size: int | None,
    test_fraction: float | None,
) -> ImageFiles:
    photos, n_copies = _without_copies([_photo(name, path, channels, size) for name, path, _, _ in states])
    classes = sorted({photo.name for photo in photos})
    if len(classes) < 2:
        raise ConfigError(
            f"task.data_dir: {data_dir!r}; has images of one class only, {classes[0]!r}; must have a folder for each "
            "class"
        )
    for photo in photos:
        if photo.pixels.shape != photos[0].pixels.shape:
            (rows, columns), (other_rows, other_columns) = photo.pixels.shape[:2], photos[0].pixels.shape[:2]
            raise ConfigError(
                f"task.data_dir: {photo.path} has {columns} x {rows} pixels, and {photos[0].path} {other_columns} x "
                f"{other_rows}; task.size resizes all to one size"
            )
    n_test = int(len(photos) * (Fraction(1, 6) if test_fraction is None else test_fraction))
    if not n_test:
        raise ConfigError(f"task.test_fraction: {test_fraction}; of {len(photos)} images none is left for the test")
    digest = hashlib.sha256("".join(sorted(f"{photo.name}/{photo.sha256}\n" for photo in photos)).encode())
    photos = _mixed(photos)
    images = np.stack([photo.pixels for photo in photos])
    labels = np.array([classes.index(photo.name) for photo in photos])
    remarks = [f"{data_dir}: files that are neither PNG nor JPEG are not read ({n_others})"] if n_others else []
    remarks += [f"{data_dir}: copies of other images do not count ({n_copies})"] if n_copies else []
    return ImageFiles(
        train_images=images[:-n_test],
        train_labels=labels[:-n_test],
        test_images=images[-n_test:],
        test_labels=labels[-n_test:],
        sha256=digest.hexdigest(),
        classes=tuple(classes),
        remarks=tuple(remarks),
    )


def _photo(name: str, path: str, channels: int, size: int | None) -> Photo:
    content = read_bytes("data_dir", path)
    return Photo(name, path, hashlib.sha256(content).hexdigest(), _pixels(path, content, channels, size))


def _without_copies(photos: list[Photo]) -> tuple[list[Photo], int]:
    """Each image once, in the order of their digests; and how many copies there were.  Raises ConfigError for copies in
    two classes."""
    found: dict[str, Photo] = {}
    for photo in photos:
        first = found.setdefault(photo.sha256, photo)
        if first.name != photo.name:
            raise ConfigError(f"task.data_dir: {photo.path} is the same image as {first.path}, in another class")
    return [found[sha256] for sha256 in sorted(found)], len(photos) - len(found)


def _mixed(photos: list[Photo]) -> list[Photo]:
    """The images so that every stretch of them has each class about in its share: image k of the n of a class stands at
    (k + 1/2) / n."""
    n_of = Counter(photo.name for photo in photos)
    seen: Counter[str] = Counter()
    places = []
    for n, photo in enumerate(photos):
        places.append((Fraction(2 * seen[photo.name] + 1, 2 * n_of[photo.name]), n))
        seen[photo.name] += 1
    return [photos[n] for _, n in sorted(places)]


def _pixels(path: str, content: bytes, channels: int, size: int | None) -> np.ndarray:
    """(rows, columns) or (rows, columns, 3), uint8.  Raises ConfigError for a file that is no whole image."""
    from PIL import Image, ImageOps  # slow to import, and few runs need it

    try:
        with Image.open(BytesIO(content), formats=("PNG", "JPEG")) as image:
            if image.mode.startswith(("I", "F")):
                raise ConfigError(f"task.data_dir: {path} has more than 8 bits a colour; must have 8")
            turned = ImageOps.exif_transpose(image)
            if turned.has_transparency_data:
                turned = turned.convert("RGBA")
                turned = Image.alpha_composite(Image.new("RGBA", turned.size, "white"), turned)
            plain = turned.convert(CHANNELS[channels])
            if size is not None:
                plain = plain.resize((size, size), Image.Resampling.BILINEAR)
            return np.asarray(plain, dtype=np.uint8)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, ConfigError):
            raise
        reason = "is not a PNG or JPEG image" if "cannot identify" in str(error) else f"is damaged ({error})"
        raise ConfigError(f"task.data_dir: {path} {reason}") from None
