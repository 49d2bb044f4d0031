"""Kernels from files: non-negative, sum 1, odd sides, the centre where it was; and everything done to them is told."""

import io
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_files import pillow_bytes, png_bytes, texture, tiff_bytes
from scipy.signal import convolve2d

from inr_deblur.errors import InputError
from inr_deblur.kernel_io import LARGEST_SIDE, checked_kernel, read_kernel, write_kernel


def asymmetric(height=9, width=7):
    """A kernel that no flip or turn leaves as it is, filled to the rim."""
    kernel = np.random.default_rng(0).random((height, width)).astype(np.float32) + 0.01
    return kernel / kernel.sum()


def saved(folder, name, data):
    (folder / name).write_bytes(data)
    return folder / name


def npy_bytes(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def blurred(picture, kernel):
    """The definition: the sum of shifted pictures, the kernel's centre at half its side."""
    total = np.zeros_like(picture)
    for (m, n), weight in np.ndenumerate(kernel):
        total += weight * np.roll(picture, (m - kernel.shape[0] // 2, n - kernel.shape[1] // 2), (0, 1))
    return total


@given(height=st.integers(1, 12), width=st.integers(1, 12), rows=st.integers(0, 3), columns=st.integers(0, 3))
def test_checking_changes_no_convolution(height, width, rows, columns):
    """Even sides, margins and the sum are mended without moving the picture that the kernel makes."""
    kernel = np.pad(asymmetric(height, width).astype(float), [(rows, 3 - rows), (columns, 3 - columns)])
    picture = np.random.default_rng(1).random((32, 32))
    checked, _ = checked_kernel(3 * kernel)
    assert checked.dtype == np.float32
    assert checked.sum() == pytest.approx(1, abs=1e-6)
    assert all(side % 2 for side in checked.shape)
    assert all(after <= before + 1 for after, before in zip(checked.shape, kernel.shape, strict=True))
    np.testing.assert_allclose(blurred(picture, checked), blurred(picture, kernel), atol=1e-6)


def test_the_convention_is_true_convolution():
    kernel, _ = checked_kernel(asymmetric())
    point = np.zeros((21, 21))
    point[10, 10] = 1
    np.testing.assert_allclose(convolve2d(point, kernel, "same")[6:15, 7:14], kernel)
    np.testing.assert_allclose(blurred(point, kernel)[6:15, 7:14], kernel)


@given(height=st.integers(1, 40), width=st.integers(1, 40))
def test_written_and_read_back(tmp_path_factory, height, width):
    kernel = asymmetric(2 * height - 1, 2 * width - 1)
    path = write_kernel(tmp_path_factory.mktemp("kernel") / "kernel", kernel)
    assert path.name == "kernel.npy"
    again, notes = read_kernel(path)
    np.testing.assert_allclose(again, kernel, rtol=1e-6)
    assert again.dtype == np.load(path).dtype == np.float32
    assert not any("sum" in note or "cut" in note for note in notes)


@pytest.mark.parametrize(
    ("name", "data", "tolerance"),
    [
        ("a.npy", npy_bytes(asymmetric()), 1e-6),
        ("b.npy", npy_bytes(np.asfortranarray(asymmetric().astype(">f8"))), 1e-6),
        ("c.tif", tiff_bytes(asymmetric()), 1e-6),
        ("d.png", png_bytes(np.rint(asymmetric() / asymmetric().max() * 65535).astype(np.uint16)), 1e-6),
        ("e.png", png_bytes(np.rint(asymmetric() / asymmetric().max() * 255).astype(np.uint8)), 2e-4),
        ("f.bmp", pillow_bytes(np.rint(asymmetric() / asymmetric().max() * 255).astype(np.uint8), "BMP"), 2e-4),
    ],
)
def test_types_of_file(tmp_path, name, data, tolerance):
    kernel, notes = read_kernel(saved(tmp_path, name, data))
    np.testing.assert_allclose(kernel, asymmetric(), atol=tolerance)
    assert notes == ()


def with_margins():
    return np.pad(asymmetric(), [(3, 3), (5, 2)])


def shifted():
    kernel = np.zeros((9, 9))
    kernel[1, 6:9] = 1 / 3
    return kernel


def disc():
    rows, columns = np.mgrid[-4:5, -4:5]
    return np.rint(255 * np.exp(-(rows**2 + columns**2) / 6)).astype(np.uint8)


def told():
    """Name -> file, the words of the note, the shape that is read."""
    colour = np.dstack([disc(), disc(), disc()])
    tinted = colour.copy()
    tinted[..., 0] //= 2
    clear = np.dstack([colour, np.full((9, 9), 9, np.uint8)])
    small_negative = asymmetric() - 0.001 * (asymmetric() == asymmetric().min())
    small_negative[0, 0] = -0.004
    enlarged = disc().repeat(30, 0).repeat(30, 1)
    return {
        "sum.npy": (npy_bytes(2.5 * asymmetric()), "sum was 2.5", (9, 7)),
        "negative.npy": (npy_bytes(small_negative), "set to zero", (9, 7)),
        "margins.npy": (npy_bytes(with_margins()), "15 x 14 to 9 x 9", (9, 9)),
        "even.npy": (npy_bytes(asymmetric(8, 6)), "padded", (9, 7)),
        "centre.npy": (npy_bytes(shifted()), "-3.0 px down and +3.0 px right", (7, 9)),
        "point.npy": (npy_bytes(np.eye(1)), "blurs nothing", (1, 1)),
        "axes.npy": (npy_bytes(colour[None]), "all the same", (9, 9)),
        "colour.png": (png_bytes(colour), "all the same", (9, 9)),
        "tinted.png": (png_bytes(tinted), "averaged", (9, 9)),
        "clear.png": (png_bytes(clear), "alpha channel was ignored", (9, 9)),
        "lossy.jpg": (pillow_bytes(disc(), "JPEG"), "lost its small values", (9, 9)),
        "enlarged.png": (png_bytes(enlarged), "30 times enlarged", (9, 9)),
        "named.tif": (png_bytes(disc()), "Named .tif", (9, 9)),
        "stack.tif": (tiff_bytes(np.stack([disc(), disc()])), "first of the file's 2 planes", (9, 9)),
    }


@pytest.mark.parametrize("name", told())
def test_what_was_done_is_told(tmp_path, name):
    data, words, shape = told()[name]
    kernel, notes = read_kernel(saved(tmp_path, name, data))
    assert any(words in note for note in notes), notes
    assert all(note.endswith(".") for note in notes)
    assert kernel.shape == shape
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1, abs=1e-6)


def refused():
    """Name -> file and the words of the sentence, for what can't be meant as a kernel."""
    nan = asymmetric()
    nan[2, 2] = np.nan
    header = npy_bytes(asymmetric()).replace(b"(9, 7)", b"(9, 7(")
    promise = npy_bytes(asymmetric()).replace(b"(9, 7), }            ", b"(99999999, 99999999), }"[:21])
    return {
        "nan.npy": (npy_bytes(nan), "not a number"),
        "inf.npy": (npy_bytes(np.full((3, 3), np.inf)), "not a number"),
        "nan.tif": (tiff_bytes(nan), "not a number"),
        "zero.npy": (npy_bytes(np.zeros((5, 5))), "no positive entry"),
        "black.png": (png_bytes(np.zeros((5, 5), np.uint8)), "no positive entry"),
        "negative.npy": (npy_bytes(-asymmetric()), "no positive entry"),
        "ringing.npy": (npy_bytes(asymmetric() - 0.01), "as much negative"),
        "large.npy": (npy_bytes(np.ones((LARGEST_SIDE + 2, 3))), "at most 301"),
        "photograph.png": (png_bytes(texture(400, 310)), "at most 301"),
        "huge.npy": (npy_bytes(np.zeros((4097, 4097), np.uint8)), "at most 301"),
        "dark.png": (png_bytes(255 - np.pad(disc(), 2)), "invert"),
        "row.npy": (npy_bytes(np.ones(5)), "rows and columns"),
        "number.npy": (npy_bytes(np.float32(1)), "rows and columns"),
        "nothing.npy": (npy_bytes(np.ones((0, 5))), "rows and columns"),
        "channels.npy": (npy_bytes(np.ones((5, 5, 4))), "rows and columns"),
        "complex.npy": (npy_bytes(np.ones((3, 3), complex)), "real numbers"),
        "objects.npy": (npy_bytes(np.array([[1, None]], object), allow_pickle=True), "real numbers"),
        "fields.npy": (npy_bytes(np.zeros((3, 3), [("a", float)])), "real numbers"),
        "header.npy": (header, "broken .npy"),
        "promise.npy": (promise, "broken .npy"),
        "truncated.npy": (npy_bytes(asymmetric())[:-5], "broken .npy"),
        "begun.npy": (npy_bytes(asymmetric())[:40], "broken .npy"),
        "zip.npy": (b"PK\3\4" + bytes(60), "no .npy file"),
        "text.txt": (b"0 1 0\n1 2 1\n", "not a picture"),
        "empty.npy": (b"", "is empty"),
    }


@pytest.mark.parametrize("name", refused())
def test_what_is_no_kernel_is_refused_in_one_sentence(tmp_path, name, capfd):
    data, words = refused()[name]
    with pytest.raises(InputError, match=words) as caught:
        read_kernel(saved(tmp_path, name, data))
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    assert name in text
    assert capfd.readouterr() == ("", "")


@settings(max_examples=200)
@given(st.data())
def test_broken_bytes_give_a_kernel_or_a_sentence(tmp_path_factory, data):
    broken = bytearray(npy_bytes(asymmetric()))
    for place in data.draw(st.lists(st.integers(0, len(broken) - 1), min_size=1, max_size=5)):
        broken[place] = data.draw(st.integers(0, 255))
    path = saved(tmp_path_factory.mktemp("broken"), "a.npy", bytes(broken[: data.draw(st.integers(1, len(broken)))]))
    try:
        kernel, _ = read_kernel(path)
    except InputError:
        return
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    assert kernel.min() >= 0


def test_only_kernels_are_written(tmp_path):
    for wrong in (np.ones(3), np.full((3, 3), np.nan)):
        with pytest.raises(ValueError, match="kernel"):
            write_kernel(tmp_path / "kernel.npy", wrong)
    assert os.listdir(tmp_path) == []
