"""Folders of PNG and JPEG images by class: what is read, how it is cut, and what is refused by name."""

import hashlib
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from rnnlab.config.parse import from_node
from rnnlab.tasks import TASKS

CLASSES = ("ape", "bee", "cat")
REST = {"cell": {"name": "rnn"}, "optimizer": {"name": "adam"}, "training": {"batch_size": None}}  # of a run's config


def pixels(name, k, shape=(4, 6)):
    """A colour image of its own for every class and number."""
    return np.random.default_rng([CLASSES.index(name), k]).integers(0, 256, (*shape, 3)).astype(np.uint8)


@pytest.fixture
def photos(tmp_path):
    """photos(ape=12, bee=6) -> the path of a folder with so many PNG images of each class."""

    def make(place="photos", **counts):
        for name, n in counts.items():
            (tmp_path / place / name).mkdir(parents=True, exist_ok=True)
            for k in range(n):
                Image.fromarray(pixels(name, k)).save(tmp_path / place / name / f"{k}.png")
        return tmp_path / place

    return make


def task_of(folder, view="rows", **options):
    return replace(TASKS[view](), data_dir=str(folder), **options)


def in_order(folder):
    """Every image (class, array) in the order of training and test: from the definition in the documentation."""
    places = []
    for name in sorted(path.name for path in folder.iterdir()):
        files = sorted((folder / name).iterdir(), key=lambda file: hashlib.sha256(file.read_bytes()).hexdigest())
        for k, file in enumerate(files):
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            places.append(((2 * k + 1) / (2 * len(files)), digest, name, np.asarray(Image.open(file))))
    return [(name, array) for _, _, name, array in sorted(places, key=lambda place: place[:2])]


@pytest.mark.parametrize(("view", "shape"), [("rows", (4, 18)), ("images", (1, 72)), ("pixels", (24, 3))])
def test_colours_stand_beside_each_other_and_parts_follow_the_order_of_digests(view, shape, photos, look):
    folder = photos(ape=20, bee=11, cat=5)
    task = task_of(folder, view, channels=3, test_fraction=0.25, n_eval_images=8).fingerprinted()
    task.check()
    assert (task.seq_len, task.input_size, task.output_size) == (*shape, 3)
    expected = in_order(folder)
    for part, (start, stop) in zip(look.splits(task.data(0)).values(), ((0, 19), (19, 27), (27, 36)), strict=True):
        arrays = np.stack([array for _, array in expected[start:stop]]).reshape(-1, *shape)
        np.testing.assert_allclose(part.inputs, arrays / 255, rtol=1e-6)
        assert [CLASSES[k] for k in part.targets] == [name for name, _ in expected[start:stop]]


def test_every_part_has_each_class_about_in_its_share(photos, look):
    task = task_of(photos(ape=24, bee=12, cat=12))
    for part in look.splits(task.data(0)).values():
        counts = Counter(part.targets.tolist())
        assert [abs(counts[k] / len(part) - share) < 0.13 for k, share in enumerate((0.5, 0.25, 0.25))] == [True] * 3
    assert [len(part) for part in look.splits(task.data(0)).values()] == [34, 6, 8]


def test_grey_is_the_default_and_a_sixth_is_for_the_test(photos):
    task = task_of(photos(ape=6, bee=6), "pixels")
    data = task.data(0)
    assert (len(data.test), task.input_size) == (2, 1)
    red, green, blue = (in_order(photos())[0][1][..., k].astype(float) for k in range(3))
    grey = (0.299 * red + 0.587 * green + 0.114 * blue) / 255  # ITU-R 601, as Pillow's documentation has it
    np.testing.assert_allclose(data.train.inputs[0, :, 0], grey.ravel(), atol=1.5 / 255)


def test_images_of_several_sizes_and_kinds_are_resized(photos, look):
    folder = photos(ape=3, bee=3)
    Image.new("RGB", (50, 20), (200, 100, 50)).save(folder / "ape" / "wide.JPEG", quality=100)
    Image.new("1", (8, 8), 1).save(folder / "bee" / "black and white.png")
    Image.new("LA", (8, 8), (7, 0)).save(folder / "bee" / "transparent.png")
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([255, 0, 0])
    palette.save(folder / "bee" / "palette.png")
    task = task_of(folder, size=5, channels=3)
    task.check()
    images = {}
    for part in look.splits(task.data(0)).values():
        for array in part.inputs.reshape(len(part), 25, 3):
            images[tuple(np.round(array.mean(axis=0) * 255).astype(int).tolist())] = array
    colours = [colour for colour in images if np.ptp(images[colour], axis=0).max() < 0.02]
    assert (255, 0, 0) in colours and (255, 255, 255) in colours  # transparent is white
    assert any(np.abs(np.subtract(colour, (200, 100, 50))).max() <= 2 for colour in colours)


def test_an_image_is_turned_as_its_exif_data_say(tmp_path):
    upright = pixels("ape", 0)
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    for place, options in (("plain", {}), ("turned", {"exif": exif})):
        for name in ("ape", "bee"):
            (tmp_path / place / name).mkdir(parents=True)
            shown = upright[::-1, ::-1] if place == "turned" else upright
            Image.fromarray(shown if name == "ape" else pixels("bee", 1)).save(
                tmp_path / place / name / "1.png", **options
            )
    trains = [task_of(tmp_path / place, n_eval_images=0, test_fraction=0.5).data(0) for place in ("plain", "turned")]
    one, other = ({part.targets[0]: part.inputs[0] for part in (data.train, data.test)} for data in trains)
    np.testing.assert_array_equal(one[0], other[0])


def test_names_of_classes_are_in_the_predictions(photos, look):
    task = task_of(photos(ape=6, bee=6, cat=6))
    (finding,) = task.examine([task.data(0)], look.FakePredictor(lambda x: np.eye(3, dtype=np.float32)[[1] * len(x)]))
    assert finding.predictions["predicted"].tolist() == ["bee"] * 3
    assert sorted(finding.predictions["label"].tolist()) == ["ape", "bee", "cat"]
    assert finding.metrics["accuracy"] == pytest.approx(1 / 3)


def test_copies_count_once_so_no_image_is_in_two_parts(photos, look):
    folder = photos(ape=10, bee=10)
    plain = task_of(folder).fingerprinted()
    for k in range(6):
        (folder / "ape" / f"copy {k}.png").write_bytes((folder / "ape" / f"{k}.png").read_bytes())
    copied = task_of(folder).fingerprinted()
    assert copied.remarks == (f"{folder}: copies of other images do not count (6)",)
    assert look.same(plain.data(0), copied.data(0)) and plain.sha256 == copied.sha256


def test_other_files_are_not_read_and_this_is_said(photos):
    folder = photos(ape=6, bee=6)
    (folder / "bee" / "Thumbs.db").write_bytes(b"x")
    (folder / "bee" / ".hidden.png").write_bytes(b"x")
    (folder / "readme.txt").write_text("cats and apes")
    assert task_of(folder).remarks == (f"{folder}: files that are neither PNG nor JPEG are not read (1)",)


def test_a_run_is_known_by_its_images_and_classes_and_not_by_names_of_files(photos):
    def run_id(folder, **options):
        return from_node({"task": {"name": "rows", "data_dir": str(folder)} | options} | REST).run_id

    folder = photos(ape=6, bee=6)
    there = photos("elsewhere", ape=6, bee=6)
    for file in (there / "ape").iterdir():
        file.rename(file.with_name(f"x{file.name}"))
    before = run_id(folder)
    assert before == run_id(there)
    assert len({before, run_id(folder, channels=3), run_id(folder, size=3), run_id(folder, test_fraction=0.5)}) == 4
    (there / "bee").rename(there / "cat")
    assert run_id(there) != before
    Image.fromarray(pixels("cat", 0)).save(folder / "ape" / "0.png")
    assert run_id(folder) != before


def test_images_that_change_after_the_run_was_checked_fail_the_run(photos):
    folder = photos(ape=6, bee=6)
    task = task_of(folder).fingerprinted()
    task.check()
    Image.fromarray(pixels("cat", 0)).save(folder / "ape" / "0.png")
    with pytest.raises(ValueError, match="has changed"):
        task.data(0)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("0.png", b"no image", "0.png is not a PNG or JPEG image"),
        ("0.png", b"", "0.png is not a PNG or JPEG image"),
        ("0.png", "half", "0.png is damaged ("),
        ("new.jpg", "half", "new.jpg is damaged ("),
        ("new.png", "deep", "new.png has more than 8 bits a colour; must have 8"),
        ("new.png", "large", "photos/ape/new.png has 7 x 4 pixels, and "),
        ("new.png", "copy", "photos/bee/0.png is the same image as "),
    ],
)
def test_images_that_cannot_be_used_are_named(name, content, complaint, photos, look):
    folder = photos(ape=6, bee=6)
    file = folder / "ape" / name
    if content == "half":
        Image.fromarray(pixels("cat", 9, (40, 40))).save(file)
        content = file.read_bytes()[: file.stat().st_size // 2]
    elif content == "copy":
        content = (folder / "bee" / "0.png").read_bytes()
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        array = np.ones((4, 6), np.uint16) if content == "deep" else pixels("ape", 99, (4, 7))
        Image.fromarray(array).save(file)
    refusal = look.refusal(task_of(folder))
    assert refusal.startswith("task.data_dir: ") and complaint in refusal


@pytest.mark.parametrize(
    ("counts", "options", "complaint"),
    [
        ({"ape": 6}, {}, "; has images of one class only, 'ape'; must have a folder for each class"),
        ({"ape": 2, "bee": 2}, {}, "task.test_fraction: None; of 4 images none is left for the test"),
        ({"ape": 6, "bee": 6}, {"channels": 2}, "task.channels: 2; must be 1 (grey) or 3 (red, green and blue)"),
        ({"ape": 6, "bee": 6}, {"n_train_images": 10}, "task.n_train_images: 10; of 10 training images 1 are held out"),
        ({"ape": 0}, {}, ", nor folders of PNG or JPEG images, one for each class"),
    ],
)
def test_folders_and_options_that_do_not_fit_are_refused(counts, options, complaint, photos, look):
    assert complaint in look.refusal(task_of(photos(**counts), **options))


@pytest.mark.parametrize("option", [{"channels": 3}, {"size": 9}, {"test_fraction": 0.2}])
def test_options_of_folders_are_refused_without_one(option, look):
    (name,) = option
    refusal = look.refusal(replace(TASKS["rows"](), **option))
    assert refusal == f"task.{name}: {option[name]}; belongs to a folder of PNG or JPEG images (task.data_dir)"
