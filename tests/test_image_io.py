"""What is read is written back: type, depth, range, alpha and metadata; and every conversion is told."""

import io
import struct
import sys

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_files import (
    ICC,
    opened,
    pillow_bytes,
    png_bytes,
    saved,
    stored,
    texture,
    there_and_back,
    tiff_bytes,
    valid_files,
)
from PIL import Image, JpegImagePlugin

from inr_deblur import picture_range
from inr_deblur.errors import InputError
from inr_deblur.image_io import Kind, read_picture, write_picture

SIDES = st.integers(16, 40)


@given(
    height=SIDES,
    width=SIDES,
    channels=st.sampled_from([0, 2, 3, 4]),
    dtype=st.sampled_from(["uint8", "uint16"]),
    seed=st.integers(0, 99),
)
def test_png_of_any_depth_and_colour_comes_back_bit_by_bit(tmp_path_factory, height, width, channels, dtype, seed):
    samples = texture(height, width, channels, dtype, seed)
    picture, again, written = there_and_back(tmp_path_factory.mktemp("png"), "a.png", png_bytes(samples))
    assert picture.values.shape == ((height, width, 3) if channels > 2 else (height, width))
    assert picture.values.dtype == np.float32
    assert (picture.values.min(), picture.values.max()) == (0, 1)
    assert (picture.alpha is not None) == (channels in (2, 4))
    assert picture.notes == ()
    assert picture.kind == again.kind == Kind("png", ".png", dtype, 0, np.iinfo(dtype).max)
    np.testing.assert_array_equal(stored(written), samples)
    np.testing.assert_array_equal(again.values, picture.values)


@given(
    height=SIDES,
    width=SIDES,
    channels=st.sampled_from([0, 2, 3, 4]),
    dtype=st.sampled_from(["uint8", "uint16", "int16", "uint32", "float16", "float32", "float64"]),
    compression=st.sampled_from([None, "lzw", "adobe_deflate", "zstd"]),
    planar=st.booleans(),
    order=st.sampled_from("<>"),
)
def test_tiff_of_any_type_comes_back(tmp_path_factory, height, width, channels, dtype, compression, planar, order):
    samples = texture(height, width, channels, dtype)
    file = samples.transpose(2, 0, 1) if planar and channels else samples
    layout = {"photometric": "rgb" if channels > 2 else "minisblack", "byteorder": order, "compression": compression}
    if channels:
        layout["planarconfig"] = "separate" if planar else "contig"
        layout["extrasamples"] = ["unassalpha"] if channels in (2, 4) else None
    data = tiff_bytes(file, **layout)
    picture, again, written = there_and_back(tmp_path_factory.mktemp("tiff"), "a.tif", data)
    assert picture.kind.dtype == dtype
    assert 0 <= picture.values.min() < picture.values.max() <= 1
    # float32 values hold 24 bits, which is all that a float32 picture has and more than 16-bit ones need
    exact = dtype in ("uint8", "uint16", "int16", "float16", "float32")
    np.testing.assert_allclose(
        stored(written).astype(float), samples, rtol=0, atol=0 if exact else 1e-7 * picture.kind.white
    )
    np.testing.assert_array_equal(again.values, picture.values)
    if picture.alpha is not None:
        np.testing.assert_array_equal(picture.alpha, samples[..., -1])


@given(st.sampled_from([("png", 3), ("png", 4), ("webp", 3), ("webp", 4), ("bmp", 0), ("bmp", 3)]), SIDES, SIDES)
def test_types_without_loss(tmp_path_factory, kind_and_channels, height, width):
    kind, channels = kind_and_channels
    samples = texture(height, width, channels)
    options = {"lossless": True, "exact": True} if kind == "webp" else {}
    data = pillow_bytes(samples, kind, **options)
    _, again, written = there_and_back(tmp_path_factory.mktemp(kind), f"a.{kind}", data)
    assert opened(written).format == kind.upper()
    np.testing.assert_array_equal(stored(written), samples)
    assert again.notes == ()


@pytest.mark.parametrize("colour", [False, True])
def test_jpeg_is_written_well_and_says_that_it_loses(tmp_path, colour):
    ramp = np.add.outer(np.arange(64), 2 * np.arange(48)).astype(np.uint8)
    samples = np.dstack([ramp, ramp[::-1], ramp[:, ::-1]]) if colour else ramp
    picture, again, written = there_and_back(tmp_path, "a.jpeg", pillow_bytes(samples, "JPEG", quality=98))
    assert written.name == "result.jpeg"
    assert abs(again.values - picture.values).max() < 0.04
    assert any("quality 95" in note for note in picture.notes)
    file = opened(written)
    assert file.mode == ("RGB" if colour else "L")
    assert JpegImagePlugin.get_sampling(file) in (0, -1)  # 4:4:4, or grey


@pytest.mark.parametrize("depth", [8, 10, 12, 14])
@pytest.mark.parametrize("kind", ["png", "tif"])
def test_fewer_bits_than_the_file_could_hold(tmp_path, depth, kind):
    samples = texture(dtype="uint16") >> (16 - depth)
    picture, _, written = there_and_back(tmp_path, f"a.{kind}", (png_bytes if kind == "png" else tiff_bytes)(samples))
    assert picture.kind.white == 2**depth - 1
    assert picture.values.max() == 1
    assert f"those of {depth} bits" in picture.notes[0]
    np.testing.assert_array_equal(stored(written), samples)


def test_packed_bits(tmp_path):
    samples = texture(20, 24, dtype="uint16") >> 4
    packed = imagecodecs.packints_encode(samples, 12)
    data = bytearray(tiff_bytes(samples[:, :18]))  # as many bytes as 24 samples of 12 bits a row
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        page = tiff.pages.first
        start = page.dataoffsets[0]
        for tag, value in ((256, 24), (258, 12)):
            struct.pack_into("<H", data, page.tags[tag].valueoffset, value)
    data[start : start + len(packed)] = packed
    picture, _, written = there_and_back(tmp_path, "a.tif", bytes(data))
    assert picture.kind.white == 4095
    np.testing.assert_array_equal(stored(written), samples)


@given(
    scale=st.sampled_from([1e-30, 1e-3, 0.5, 1, 255, 65535, 1e30]),
    shift=st.sampled_from([0, -0.3, 1, 100]),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_the_range_of_floats_is_kept(tmp_path_factory, scale, shift, dtype):
    samples = ((texture(dtype="float64") + shift) * scale).astype(dtype)
    picture, _, written = there_and_back(tmp_path_factory.mktemp("range"), "a.tif", tiff_bytes(samples))
    assert picture.values.min() >= 0
    assert 1 / 16 <= picture.values.max() <= 1
    assert bool(picture.notes) == (not (picture.kind.black == 0 and picture.kind.white == 1))
    if shift >= 0 and dtype == "float32":
        np.testing.assert_array_equal(stored(written), samples)  # powers of two are exact
    np.testing.assert_allclose(stored(written), samples, rtol=0, atol=3e-7 * abs(samples).max())


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=9),
    st.sampled_from([np.float32, np.float64]),
)
@settings(max_examples=100)
def test_values_of_any_floats_lie_between_0_and_1(numbers, dtype):
    with np.errstate(over="ignore"):
        samples = np.array(numbers, dtype)
    if not np.isfinite(samples).all() or samples.min() == samples.max():
        return
    try:
        black, white, _ = picture_range.value_range(samples)
    except InputError:
        assert abs(samples).max() > picture_range.LARGEST
        return
    values = picture_range.to_values(samples, black, white)
    assert values.min() >= 0
    assert values.max() <= 1
    assert values.max() > 0


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "float32"])
def test_0_and_1_fit_into_every_type(dtype):
    samples = texture(dtype=dtype)
    black, white, _ = picture_range.value_range(samples)
    ends = picture_range.from_values(np.array([0, 1], np.float32), Kind("tiff", ".tif", dtype, black, white))
    assert ends.dtype == dtype
    assert ends[0] <= samples.min() < samples.max() <= ends[1]


def test_results_outside_the_range_of_integers_are_cut_off(tmp_path):
    picture = read_picture(saved(tmp_path, "a.png", png_bytes(texture(dtype="uint16"))))
    written = write_picture(tmp_path / "b.png", picture.values * 3 - 1, picture)
    expected = np.clip(np.rint((picture.values.astype(float) * 3 - 1) * 65535), 0, 65535)
    np.testing.assert_allclose(stored(written), expected, rtol=0, atol=1)


def conversions():
    """Name -> file, a word of the note, and the samples that are expected where they follow from another library."""
    colour, grey = Image.fromarray(texture(32, 32, 3)), texture(32, 32)
    palette, cmyk = colour.quantize(20), colour.convert("CMYK")
    inks = np.asarray(cmyk)
    five = texture(20, 24, 5)
    return {
        "a.png": (pillow_bytes(palette, "PNG"), "palette", np.asarray(palette.convert("RGB"))),
        "b.gif": (pillow_bytes(palette, "GIF"), "palette", np.asarray(palette.convert("RGB"))),
        "c.bmp": (pillow_bytes(palette, "BMP"), "palette", np.asarray(palette.convert("RGB"))),
        "d.png": (pillow_bytes(colour.convert("1"), "PNG"), "1-bit", np.asarray(colour.convert("1")) * np.uint8(255)),
        "e.tif": (pillow_bytes(colour.convert("1"), "TIFF"), "1-bit", np.asarray(colour.convert("1")) * np.uint8(255)),
        "f.jpg": (pillow_bytes(cmyk, "JPEG"), "CMYK", None),
        "g.tif": (tiff_bytes(inks, photometric="separated"), "CMYK", np.asarray(cmyk.convert("RGB"))),
        "s.tif": (
            tiff_bytes(np.dstack([inks, grey]), photometric="separated", extrasamples=["unassalpha"]),
            "CMYK",
            np.asarray(cmyk.convert("RGB")),
        ),
        "h.tif": (tiff_bytes(255 - grey, photometric="miniswhite"), "White was stored as zero", grey),
        "i.tif": (tiff_bytes(np.stack([grey, grey.T])), "first of the file's 2 planes", grey),
        "j.gif": (pillow_bytes(palette, "GIF", save_all=True, append_images=[colour]), "no others", None),
        "k.webp": (
            pillow_bytes(colour, "WEBP", save_all=True, append_images=[colour.rotate(90)], lossless=True),
            "no others",
            texture(32, 32, 3),
        ),
        "l.png": (pillow_bytes(colour, "PNG", save_all=True, append_images=[colour.rotate(90)]), "no others", None),
        "m.tif": (tiff_bytes(five, planarconfig="contig"), "first 1 of the file's 5 channels", five[..., 0]),
        "n.tif": (
            tiff_bytes(five, photometric="rgb", planarconfig="contig", extrasamples=["unspecified", "unassalpha"]),
            "3 and alpha",
            five[..., :3],
        ),
        "o.tif": (
            pillow_bytes(colour, "TIFF", save_all=True, append_images=[colour.resize((20, 17))]),
            "2 planes",
            None,
        ),
        "p.jpg": (pillow_bytes(colour, "MPO", save_all=True, append_images=[colour]), "no others", None),
        "q.jpg": (png_bytes(grey), "Named .jpg, the file holds PNG", grey),
        "r.png": (pillow_bytes(palette, "PNG", transparency=3), "palette", np.asarray(palette.convert("RGB"))),
    }


@pytest.mark.parametrize("name", conversions())
def test_conversions_are_told(tmp_path, name):
    data, words, expected = conversions()[name]
    picture, again, written = there_and_back(tmp_path, name, data)
    assert any(words in note for note in picture.notes), picture.notes
    assert all(note.endswith(".") for note in picture.notes)
    if expected is not None:
        difference = picture.values * 255 - expected
        assert abs(difference).max() <= 1.01
    assert abs(again.values - picture.values).max() < (0.2 if written.suffix == ".jpg" else 1e-6)


def bmp_with_alpha():
    """A BMP of version 4, whose header tells where the alpha is."""
    samples = texture(20, 24, 4)
    header = struct.pack("<IiiHHIIiiII", 108, 24, 20, 1, 32, 3, 20 * 24 * 4, 2835, 2835, 0, 0)
    header += struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + bytes(52)
    pixels = samples[::-1, :, [2, 1, 0, 3]].tobytes()
    return b"BM" + struct.pack("<IHHI", 14 + 108 + len(pixels), 0, 0, 14 + 108) + header + pixels, samples


def test_bmp_with_alpha_becomes_png(tmp_path):
    data, samples = bmp_with_alpha()
    picture, _, written = there_and_back(tmp_path, "a.bmp", data)
    assert "PNG" in picture.notes[0]
    assert written.suffix == ".png"
    np.testing.assert_array_equal(stored(written), samples)


def test_the_suffix_chooses_another_type(tmp_path):
    picture = read_picture(saved(tmp_path, "a.jpg", valid_files()["colour.jpg"]))
    for suffix in ("png", "tif", "webp", "bmp"):
        written = write_picture(tmp_path / f"b.{suffix}", picture.values, picture)
        np.testing.assert_array_equal(read_picture(written).values, picture.values)
    assert opened(tmp_path / "b.png").info["icc_profile"] == ICC
    named = write_picture(tmp_path / "version.2", picture.values, picture)
    assert named.name == "version.2.jpg"


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("deep.png", "jpg"), ("float.tif", "png"), ("clear.png", "jpg"), ("clear.png", "bmp"), ("deep.tif", "webp")],
)
def test_types_that_cannot_hold_it_are_refused(tmp_path, name, suffix):
    picture = read_picture(saved(tmp_path, name, valid_files()[name]))
    with pytest.raises(InputError, match="write"):
        write_picture(tmp_path / f"b.{suffix}", picture.values, picture)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_values_that_do_not_fit_are_a_mistake_of_the_program(tmp_path):
    picture = read_picture(saved(tmp_path, "a.png", valid_files()["grey.png"]))
    with pytest.raises(ValueError, match="shape"):
        write_picture(tmp_path / "b", picture.values[1:], picture)
    with pytest.raises(ValueError, match="finite"):
        write_picture(tmp_path / "b", picture.values * np.nan, picture)


def dng_bytes():
    """A camera raw file made for the purpose: a grid of coloured sensor cells as Adobe's DNG 1.4 describes it."""
    rows, columns = np.mgrid[:64, :96]
    cells = ((np.sin(columns / 7) + np.cos(rows / 5) + 2) / 4 * 15000).astype(np.uint16)
    unit = (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1)  # the colour matrix, as ratios
    tags = [
        (33421, 3, 2, (2, 2), True),
        (33422, 1, 4, bytes([0, 1, 1, 2]), True),
        (50706, 1, 4, bytes([1, 4, 0, 0]), True),
        (50708, 2, 0, "Test Camera", True),
        (50717, 4, 1, 16383, True),
        (50721, 10, 9, unit, True),
        (50728, 5, 3, (1, 1, 1, 1, 1, 1), True),
        (50778, 3, 1, 21, True),
    ]
    return tiff_bytes(cells, photometric=32803, extratags=tags, software=False, byteorder="<")


def test_camera_raw_is_developed_to_a_16_bit_tiff(tmp_path):
    pytest.importorskip("rawpy")
    picture, again, written = there_and_back(tmp_path, "a.dng", dng_bytes())
    assert written.suffix == ".tif"
    assert picture.values.shape == (64, 96, 3)
    assert picture.kind.dtype == "uint16"
    assert "developed" in picture.notes[0]
    np.testing.assert_array_equal(again.values, picture.values)


def test_camera_raw_without_its_package_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(InputError, match=r"pip install 'inr_deblur\[raw\]'"):
        read_picture(saved(tmp_path, "a.dng", dng_bytes()))


def test_the_hash_is_of_the_file(tmp_path):
    data = valid_files()["grey.png"]
    picture = read_picture(saved(tmp_path, "a.png", data))
    assert len(picture.sha256) == 64
    assert picture.sha256 == read_picture(saved(tmp_path, "b.png", data)).sha256
    assert picture.sha256 != read_picture(saved(tmp_path, "c.png", data + b"\0")).sha256
