"""Images as sequences, then their class: row by row, as one flat vector, or pixel by pixel.

Without data_dir the images are scikit-learn's 8 x 8 digits, cut as the task `digits` cuts them; with data_dir, MNIST or
what else is stored in the same four files (idx.py), or PNG and JPEG images in a folder for each class (photos.py).
Pixels are divided by their greatest value, 255 (digits: 16), in training and test alike.  The three colours of a pixel
are three inputs beside each other.

Sources: sjchoi86/upstage-basic-deeplearning, notebook/lstm.ipynb (rows); deeplearningzerotoall/PyTorch, lab-09 (flat;
it trains on pixels up to 1 and tests on pixels up to 255, here both are up to 1); Le, Jaitly, Hinton, arXiv 1504.00941
(2015), section 4.2 (pixel by pixel, in order or by one fixed permutation).  They judge by accuracy; none says from
which accuracy on a run is a success.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rnnlab.options import ConfigError, number, option, unless_null
from rnnlab.tasks.base import Data, Split, register
from rnnlab.tasks.classes import Classification
from rnnlab.tasks.digits import BRIGHTEST, N_EVAL, load_digits
from rnnlab.tasks.files import FileTask
from rnnlab.tasks.idx import ImageFiles, fetch_mnist, has_idx, image_files
from rnnlab.tasks.photos import photo_files
from rnnlab.tasks.preprocessing import Pixels as PixelPreprocessing


@dataclass(frozen=True)
class ImageTask(Classification, FileTask):
    """The last n_eval_images of the training images are held out for validation; null means a sixth of them (MNIST:
    10,000; digits: 300).  With 0 nothing is held out, and validation is the test set, as in the sources."""

    data_dir: str | None = option(
        None,
        about="folder with MNIST's four IDX files, plain or .gz, or with a folder of PNG or JPEG images for each "
        "class; null: scikit-learn's 8 x 8 digits",
    )
    fetch: bool = option(False, about="MNIST is fetched into data_dir from OpenML, unless it is there")
    sha256: str | None = option(
        None, about="digest of images and labels, by which a run is known; null: whatever the files hold now"
    )
    channels: int | None = number(
        None,
        at_least=1,
        at_most=3,
        acts=unless_null("task.channels"),
        about="of PNG and JPEG images: 1 grey, 3 red, green and blue; null: 1",
    )
    size: int | None = number(
        None,
        at_least=1,
        acts=unless_null("task.size"),
        about="rows and columns to which PNG and JPEG images are resized; null: they have one size",
    )
    test_fraction: float | None = number(
        None,
        above=0,
        below=1,
        acts=unless_null("task.test_fraction"),
        about="share of PNG and JPEG images for the test; null: a sixth",
    )
    n_train_images: int | None = number(None, at_least=1, about="learn from so many; null: all that are not held out")
    n_eval_images: int | None = number(
        None, at_least=0, about="so many are held out; null: a sixth; 0: none, validation is on the test set"
    )
    n_test_images: int | None = number(None, at_least=1, about="test on so many; null: all")

    def digest(self) -> str:
        """Of the images and labels, whether they are compressed or not."""
        if self.fetch:
            fetch_mnist(self.files["data_dir"])
        return _read(self).sha256

    @property
    def _stored(self) -> ImageFiles:
        """What lies in data_dir, as it was when the task was fingerprinted."""
        return _read(self) if self.sha256 is None else _known(self)

    @property
    def class_names(self) -> tuple[str, ...] | None:
        return self._stored.classes if self.data_dir else None

    @property
    def remarks(self) -> tuple[str, ...]:
        return self._stored.remarks if self.data_dir else ()

    def fingerprinted(self) -> FileTask:
        if self.fetch and self.data_dir is None:
            raise ConfigError("task.fetch: true; task.data_dir must say where MNIST is to be kept")
        if self.channels == 2:
            raise ConfigError("task.channels: 2; must be 1 (grey) or 3 (red, green and blue)")
        return super().fingerprinted()

    def check(self) -> None:
        for name in ("channels", "size", "test_fraction"):
            if (value := getattr(self, name)) is not None and self.class_names is None:
                raise ConfigError(f"task.{name}: {value}; belongs to a folder of PNG or JPEG images (task.data_dir)")
        n_files, n_test = (len(labels) for labels in _labels(self))
        n_eval = self._n_held_out(n_files)
        if (self.n_train_images or 1) > n_files - n_eval:
            raise ConfigError(
                f"task.n_train_images: {self.n_train_images}; of {n_files} training images {n_eval} are held out "
                f"(task.n_eval_images), {max(n_files - n_eval, 0)} are left"
            )
        if (self.n_test_images or 1) > n_test:
            raise ConfigError(f"task.n_test_images: {self.n_test_images}; must be at most {n_test}")

    def _n_held_out(self, n_files: int) -> int:
        if self.n_eval_images is not None:
            return self.n_eval_images
        return n_files // 6 if self.data_dir else N_EVAL

    @property
    def n_train(self) -> int:
        n_files = len(_labels(self)[0])
        return self.n_train_images or n_files - self._n_held_out(n_files)

    @property
    def output_size(self) -> int:
        if self.class_names is not None:
            return len(self.class_names)
        return 1 + max(int(labels.max()) for labels in _labels(self))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of an image."""
        return self._stored.train_images.shape[1:3] if self.data_dir else (8, 8)

    @property
    def n_channels(self) -> int:
        """Numbers of a pixel."""
        return self.channels or 1

    def data(self, seed: int) -> Data:
        return _sequences(self)

    def preprocessing(self) -> PixelPreprocessing:
        steps, brightest = (self.seq_len, self.input_size), BRIGHTEST if self.data_dir is None else 255
        shape = self.shape if self.n_channels == 1 else (*self.shape, self.n_channels)
        return PixelPreprocessing(shape, brightest, steps, getattr(self, "permuted", False), self.class_names or ())


@register("rows")
@dataclass(frozen=True)
class Rows(ImageTask):
    """Images row by row, then their class: a row is a step"""

    @property
    def seq_len(self) -> int:
        return self.shape[0]

    @property
    def input_size(self) -> int:
        return self.shape[1] * self.n_channels


@register("images")
@dataclass(frozen=True)
class Images(ImageTask):
    """Images as one step of all their pixels, and their class: for networks that are only deep"""

    seq_len = 1

    @property
    def input_size(self) -> int:
        return self.shape[0] * self.shape[1] * self.n_channels


@register("pixels")
@dataclass(frozen=True)
class Pixels(ImageTask):
    """Images pixel by pixel, row after row from the upper left, then their class"""

    permuted: bool = option(False, about="the pixels of every image in one fixed random order")

    @property
    def input_size(self) -> int:
        return self.n_channels

    @property
    def seq_len(self) -> int:
        return self.shape[0] * self.shape[1]


def _read(task: ImageTask) -> ImageFiles:
    """What lies in data_dir now.  Raises ConfigError."""
    assert task.data_dir is not None
    if has_idx(task.data_dir):
        return image_files(task.data_dir)
    photos = photo_files(task.data_dir, task.channels or 1, task.size, task.test_fraction)
    return photos or image_files(task.data_dir)


_known = lru_cache(maxsize=4)(_read)  # a folder of many images takes a while to look through


def _labels(task: ImageTask) -> tuple[np.ndarray, np.ndarray]:
    """The labels of the training files, with those that will be held out, and the labels of the test set."""
    if task.data_dir is None:
        digits = load_digits()
        return np.concatenate([digits.train.targets, digits.eval.targets]), digits.test.targets
    files = task._stored
    return files.train_labels, files.test_labels


@lru_cache(maxsize=4)
def _sequences(task: ImageTask) -> Data:
    if task.data_dir is None:
        digits = load_digits()
        train, test = np.concatenate([digits.train.inputs, digits.eval.inputs]), digits.test.inputs
        brightest = 1
    else:
        files = _read(task)
        if task.sha256 not in (None, files.sha256):
            raise ValueError(f"{task.data_dir} has changed since the run was checked")
        train, test, brightest = files.train_images, files.test_images, 255
    train_labels, test_labels = _labels(task)
    held_out = len(train) - task._n_held_out(len(train))
    sequences = task.preprocessing().sequences

    def split(images: np.ndarray, labels: np.ndarray) -> Split:
        scaled = (images / np.float32(brightest)).astype(np.float32)
        return Split(sequences(scaled), labels.astype(np.int64))

    test_split = split(test[: task.n_test_images], test_labels[: task.n_test_images])
    train_split = split(train[: task.n_train], train_labels[: task.n_train])
    eval_split = split(train[held_out:], train_labels[held_out:]) if held_out < len(train) else test_split
    return Data(train_split, eval_split, test_split)
