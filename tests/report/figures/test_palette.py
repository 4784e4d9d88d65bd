from itertools import combinations, pairwise

from matplotlib.colors import to_rgb

from rnnlab.report.figures.palette import STYLES, styles
from rnnlab.report.judging.labels import ACTIVATIONS


def test_every_activation_that_has_a_place_has_a_style():
    assert list(STYLES) == list(ACTIVATIONS)


def test_no_two_activations_share_hue_and_line_nor_marker():
    for one, other in combinations(STYLES.values(), 2):
        assert (one.color, one.line) != (other.color, other.line)
        assert one.marker != other.marker


def test_no_marker_means_diverged():
    assert not {"x", "X"} & {style.marker for style in STYLES.values()}


def test_every_hue_can_be_seen_on_white():
    for style in STYLES.values():
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(style.color)]
        luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        assert 1.05 / (luminance + 0.05) > 2  # contrast; the pale ones of Okabe and Ito are at 2.2


def test_a_known_name_looks_the_same_in_every_study():
    assert styles(["relu"])["relu"] == styles(["zeta", "relu", "tanh", "relu6"])["relu"] == STYLES["relu"]


def test_variants_of_a_name_keep_its_order_and_differ():
    found = styles(["leaky_relu(0.3)", "leaky_relu(0.01)", "leaky_relu(0.1)"])
    assert list(found) == ["leaky_relu(0.01)", "leaky_relu(0.1)", "leaky_relu(0.3)"]
    assert styles(["leaky_relu(0.01)"])["leaky_relu(0.01)"] == STYLES["leaky_relu"]
    assert len({style.line for style in found.values()}) == len({style.marker for style in found.values()}) == 3


def test_variants_of_a_name_go_from_dark_to_light_in_steps_that_can_be_seen():
    found = styles([f"leaky_relu({slope})" for slope in (0.0, 0.01, 0.1, 0.3, 0.5)])
    lightness = [sum(to_rgb(style.color)) / 3 for style in found.values()]
    assert all(later - earlier > 0.09 for earlier, later in pairwise(lightness))


def test_unknown_names_get_styles_that_do_not_depend_on_the_order_given():
    assert styles(["b", "a", "tanh"]) == styles(["tanh", "a", "b"])
    unknown = styles([f"f{i}" for i in range(12)])
    assert (
        len({(style.color, style.line) for style in unknown.values()} | {(s.color, s.line) for s in STYLES.values()})
        == 28
    )
