"""What a JPEG's quantisation has left in a picture."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.fft import dctn
from scipy.ndimage import gaussian_filter
from skimage import data

from inr_deblur.colour import luminance
from inr_deblur.jpeg import BLOCK, Quantisation, quantisation
from inr_deblur.metrics import aligned_scores
from inr_deblur.noise import noise_level, white_noise
from inr_deblur.pipeline import deconvolve
from inr_deblur.simulate import blur, line_kernel, seen

GREY = blur(data.camera() / 255, line_kernel(9, 30), 0.01)
COLOUR = np.stack([blur(channel, line_kernel(9, 30)) for channel in np.moveaxis(data.astronaut() / 255, 2, 0)], 2)


def bytes_of(y):
    return np.rint(255 * np.clip(y, 0, 1)).astype(np.uint8)


def compressed(y, quality, **settings):
    """The picture after a JPEG of this quality, and the steps of its grey part, (8, 8)."""
    file = io.BytesIO()
    Image.fromarray(bytes_of(y)).save(file, "jpeg", quality=quality, **settings)
    picture = Image.open(file)
    return np.asarray(picture) / 255, np.reshape(picture.quantization[0], (BLOCK, BLOCK))  # type: ignore[attr-defined]


@pytest.mark.parametrize("y", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize("quality", [50, 60, 75, 85])
def test_the_steps_of_a_jpeg_are_read_from_its_pixels(y, quality):
    pixels, table = compressed(y, quality)
    steps = quantisation(luminance(pixels)).steps
    told = (steps > 0) & (table <= 32)  # of larger ones all multiples but the first are rare
    assert told.sum() >= 6
    assert (np.abs(steps - table) <= 0.1 * table)[told].mean() > 0.9
    assert steps[0, 1] == table[0, 1] and steps[1, 0] == table[1, 0]


@pytest.mark.parametrize("subsampling", [0, 2])
def test_how_colours_are_sampled_plays_no_part(subsampling):
    pixels, table = compressed(COLOUR, 75, subsampling=subsampling)
    steps = quantisation(luminance(pixels)).steps
    assert steps[0, 1] == table[0, 1] and steps[1, 0] == table[1, 0]


@settings(max_examples=10)
@given(st.integers(0, 1000), st.sampled_from([40, 60, 75]))
def test_the_noise_is_that_of_the_coefficients_that_are_left(seed, quality):
    """Rounding noise in the lowest frequencies, against what was compressed."""
    x = gaussian_filter(np.random.default_rng(seed).normal(size=(256, 256)), 2.5)
    x = 0.1 + 0.8 * (x - x.min()) / np.ptp(x)
    pixels, _ = compressed(x, quality)
    blocks = (pixels - x).reshape(32, 8, 32, 8).swapaxes(1, 2)
    errors = np.asarray(dctn(blocks, axes=(2, 3), norm="ortho"))[:, :, :2, :2]
    assert quantisation(pixels).noise == pytest.approx(np.sqrt((errors**2).mean()), rel=0.4)


def test_it_grows_as_quality_falls_and_exceeds_what_high_frequencies_tell():
    pictures = [compressed(GREY, quality)[0] for quality in (85, 75, 60, 40)]
    levels = [quantisation(y).noise for y in pictures]
    assert levels == sorted(levels) and levels[0] > 0
    clean = [compressed(COLOUR, quality)[0] for quality in (75, 60)]
    for y in map(luminance, clean):
        assert noise_level(y) == quantisation(y).noise > 2 * white_noise(y)


def test_it_survives_another_format(tmp_path):
    pixels, _ = compressed(COLOUR, 75)
    Image.fromarray(bytes_of(pixels)).save(tmp_path / "again.png")
    again = np.asarray(Image.open(tmp_path / "again.png")) / 255
    assert quantisation(luminance(again)).noise == quantisation(luminance(pixels)).noise > 0


@pytest.mark.parametrize("name", ["camera", "astronaut", "chelsea", "page", "text", "coins", "moon"])
def test_what_was_no_jpeg_is_not_taken_for_one(name):
    x = luminance(getattr(data, name)() / 255)
    y = blur(x, line_kernel(7, 60), 0.0)
    for picture in (bytes_of(y) / 255, y, blur(x, line_kernel(7, 60), 0.02)):
        assert quantisation(picture).noise == 0
        assert noise_level(picture) == white_noise(picture)


@pytest.mark.parametrize(
    "y",
    [
        np.full((64, 64), 0.5),
        np.kron(np.random.default_rng(0).random((16, 16)), np.ones((8, 8))),
        np.round(np.random.default_rng(0).random((256, 256)) * 4) / 4,
        (np.indices((128, 128)).sum(0) % 2) * 0.5 + 0.25,
        np.random.default_rng(0).random((256, 256)),
    ],
    ids=["constant", "blocks", "few levels", "checkerboard", "noise"],
)
def test_regular_pictures_are_not_taken_for_a_jpeg(y):
    assert quantisation(y).noise == 0


@given(st.integers(1, 40), st.integers(1, 40))
def test_any_size_is_looked_at(h, w):
    assert quantisation(np.random.default_rng(0).random((h, w))).noise == 0


@given(st.integers(1, 7), st.integers(0, 7))
@settings(max_examples=8)
def test_blocks_that_start_in_no_corner_are_not_recognised(down, right):
    pixels, _ = compressed(GREY, 75)
    assert quantisation(pixels[down : down - 8, right:]).noise == 0


@pytest.mark.parametrize("turn", [np.rot90, np.flipud, np.fliplr, np.transpose, lambda y: np.rot90(y, 3)])
@given(st.integers(0, 7), st.integers(0, 7))
@settings(max_examples=4)
def test_a_picture_that_was_turned_is_recognised(turn, down, right):
    pixels, _ = compressed(GREY[: 256 + down, : 256 + right], 75)
    noise = quantisation(pixels).noise
    assert quantisation(turn(pixels)).noise == pytest.approx(noise, rel=0.05) and noise > 0


def test_a_jpeg_is_restored_better_for_it(monkeypatch):
    kernel = line_kernel(9, 30)
    pixels, _ = compressed(GREY[:256, :256], 60)
    y, truth = pixels.astype(np.float32), seen(data.camera()[:264, :264] / 255, kernel)
    known = deconvolve(y, kernel)
    assert known.noise == quantisation(y).noise > 0.01
    monkeypatch.setattr("inr_deblur.pipeline.quantisation", lambda _: Quantisation(*np.zeros((2, BLOCK, BLOCK))))
    gains = [aligned_scores(result.image, truth).psnr for result in (known, deconvolve(y, kernel))]
    assert gains[0] > gains[1] + 0.3
