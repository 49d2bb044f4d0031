"""Odd and broken files: each gives a picture that is right or one sentence, without a word from the libraries below."""

import os
import struct
import time

import imagecodecs
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from picture_files import pillow_bytes, png_bytes, png_chunk, saved, texture, tiff_bytes, valid_files

from inr_deblur.errors import InputError
from inr_deblur.image_io import Picture, read_picture, write_picture
from inr_deblur.kernel_io import read_kernel

FILES = valid_files()


def outcome(path):
    """The picture in the file, or the sentence that refuses it."""
    try:
        return read_picture(path)
    except InputError as error:
        text = str(error)
        assert "\n" not in text
        assert text.isprintable()
        assert text.endswith(".")
        assert len(text) < 500
        return text


def check_picture(picture):
    assert picture.values.dtype == np.float32
    assert min(picture.values.shape[:2]) >= 16
    assert picture.values.ndim == 2 or picture.values.shape[2] == 3
    assert picture.values.min() >= 0
    assert picture.values.max() <= 1
    assert picture.values.min() < picture.values.max()
    if picture.alpha is not None:
        assert picture.alpha.shape == picture.values.shape[:2]


def cut(data, share):
    return data[: int(len(data) * share)]


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("name", FILES)
def test_truncated(tmp_path, capfd, name, share):
    sentence = outcome(saved(tmp_path, name, cut(FILES[name], share)))
    if isinstance(sentence, Picture):  # where what is missing is not needed: metadata, other pictures, an end mark
        check_picture(sentence)
        assert share == 0.9 or name in ("moving.gif", "stack.tif", "ome.ome.tif")
    else:
        assert name in sentence
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", FILES)
def test_zeros_in_the_place_of_content(tmp_path, capfd, name):
    data = FILES[name]
    assert isinstance(outcome(saved(tmp_path, name, bytes(len(data)))), str)
    for start in (4, 16, len(data) // 2):
        result = outcome(saved(tmp_path, name, data[:start] + bytes(len(data) - start)))
        if isinstance(result, Picture):
            check_picture(result)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", FILES)
def test_the_content_decides_and_not_the_name(tmp_path, name):
    expected = read_picture(saved(tmp_path, name, FILES[name]))
    for wrong in ("a.jpg", "a.png", "a.tif", "a.txt", "a"):
        picture = read_picture(saved(tmp_path, wrong, FILES[name]))
        np.testing.assert_array_equal(picture.values, expected.values)
        if wrong != "a" and picture.kind.suffix != os.path.splitext(wrong)[1]:
            assert any(f"Named {os.path.splitext(wrong)[1]}" in note for note in picture.notes)


def with_header(data, at, layout, *numbers):
    """The file with numbers of its header replaced."""
    changed = bytearray(data)
    struct.pack_into(layout, changed, at, *numbers)
    return bytes(changed)


def huge_png():
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 16, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", b"x") + png_chunk(b"IEND", b"")


def huge_jpeg():
    data = pillow_bytes(texture(channels=3), "JPEG")
    return with_header(data, data.index(b"\xff\xc0") + 5, ">HH", 65500, 65500)


def huge_webp():
    canvas = struct.pack("<I", 16383)[:3]
    body = b"VP8X" + struct.pack("<I", 10) + bytes(4) + canvas * 2 + b"VP8L" + struct.pack("<I", 8) + b"\x2f" + bytes(7)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def tiff_with(samples, code, value, **options):
    """A TIFF file, one tag of which has another value."""
    import io

    import tifffile

    data = bytearray(tiff_bytes(samples, byteorder="<", **options))
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        tag = tiff.pages.first.tags[code]
        layout = {1: "<B", 3: "<H", 4: "<I", 5: "<I"}[tag.dtype]
        struct.pack_into(layout, data, tag.valueoffset, value)
    return bytes(data)


def endless_tiff():
    """A TIFF file whose second directory is its first."""
    data = bytearray(tiff_bytes(texture(), byteorder="<"))
    (first,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, first)
    struct.pack_into("<I", data, first + 2 + 12 * count, first)
    return bytes(data)


def not_finite(value):
    samples = texture(dtype="float32")
    samples[3, 4] = value
    return tiff_bytes(samples)


def refused():
    """Name -> file and words of the sentence that it must get."""
    grey, colour = texture(), texture(channels=3)
    tiff, palette = FILES["grey.tif"], FILES["palette.tif"]
    return {
        "zeros.png": (bytes(1000), "not a picture"),
        "text.png": (b"hello\n" * 20, "not a picture"),
        "page.jpg": (b"<!DOCTYPE html><html>not found</html>", "not a picture"),
        "drawing.png": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        "document.png": (b"%PDF-1.7\n", "PDF"),
        "layers.psd": (b"8BPS\0\1" + bytes(60), "Photoshop"),
        "phone.heic": (b"\0\0\0\x18ftypheic" + bytes(60), "HEIC"),
        "film.jpg": (b"\0\0\0\x18ftypmp42" + bytes(60), "film"),
        "wave.webp": (b"RIFF\x24\0\0\0WAVEfmt " + bytes(60), "not a picture"),
        "old.jp2": (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(60), "JPEG 2000"),
        "one byte.png": (b"\x89", "not a picture"),
        "magic.png": (b"\x89PNG\r\n\x1a\n", "broken PNG"),
        "magic.jpg": (b"\xff\xd8\xff", "broken JPEG"),
        "magic.bmp": (b"BM", "broken BMP"),
        "magic.gif": (b"GIF89a", "broken GIF"),
        "magic.tif": (b"II*\0", "broken TIFF"),
        "magic.webp": (b"RIFF\0\0\0\0WEBP", "broken WEBP"),
        "magic.cr2": (b"II*\0\x10\0\0\0CR\2\0", "broken RAW|rawpy"),
        "point.png": (png_bytes(texture(1, 1)), "1 x 1 pixels"),
        "line.png": (png_bytes(texture(1, 500)), "500 x 1 pixels"),
        "column.tif": (tiff_bytes(texture(500, 1)), "1 x 500 pixels"),
        "small.jpg": (pillow_bytes(texture(15, 40), "JPEG"), "at least 16 x 16"),
        "black.png": (png_bytes(grey * 0), "one single value"),
        "white.jpg": (pillow_bytes(grey * 0 + 255, "JPEG"), "one single value"),
        "even.tif": (tiff_bytes(np.full((20, 20), 0.5, np.float32)), "one single value"),
        "zero.tif": (tiff_bytes(np.zeros((20, 20), np.float32)), "one single value"),
        "nan.tif": (not_finite(np.nan), "1 values are not a number"),
        "infinite.tif": (not_finite(-np.inf), "infinite"),
        "large values.tif": (tiff_bytes(texture(dtype="float64") * 1e305), "divide them"),
        "complex.tif": (tiff_bytes(texture(dtype="float32") * 1j), "can't be read"),
        "huge.png": (huge_png(), "10000 megapixels"),
        "huge.jpg": (huge_jpeg(), "4290 megapixels|broken"),
        "huge.bmp": (with_header(FILES["colour.bmp"], 18, "<ii", 60_000, 60_000), "3600 megapixels|broken"),
        "huge.gif": (with_header(FILES["palette.gif"], 6, "<HH", 65535, 65535), "4295 megapixels|broken"),
        "huge.webp": (huge_webp(), "268 megapixels|broken"),
        "huge.tif": (tiff_with(grey, 256, 4_000_000_000), "megapixels|broken|lacks"),
        "deep.tif": (tiff_with(grey, 277, 60_000), "GiB|broken|lacks"),
        "tile.tif": (tiff_with(texture(40, 40), 322, 65520, tile=(16, 16)), "megapixels|broken|lacks"),
        "lacks.tif": (tiff_with(grey, 273, 5000), "lacks part"),
        "cielab.tif": (tiff_with(colour, 262, 8), "CIELAB"),
        "filter.tif": (tiff_with(grey, 262, 32803), "CFA"),
        "rare.tif": (tiff_bytes(grey, compression="lerc"), "LERC"),
        "strange.tif": (tiff_with(grey, 259, 12345), "12345"),
        "no map.tif": (palette.replace(struct.pack("<HHI", 320, 3, 768), struct.pack("<HHI", 65000, 3, 768)), "broken"),
        "begun.tif": (tiff[:8], "broken TIFF"),
        "signed white.tif": (tiff_bytes(texture(dtype="int16"), photometric="miniswhite"), "black at 0"),
        "promise.tif": (tiff_with(grey, 257, 60_000), "lacks part"),
        "promise.gif": (with_header(FILES["palette.gif"], 6, "<HH", 12_000, 12_000), "so short a file|broken"),
        "strips.tif": (tiff_with(texture(40, 40), 257, 60, rowsperstrip=20), "lacks part"),
        "inks.tif": (tiff_with(colour, 262, 5), "CMYK"),
    }


@pytest.mark.parametrize("name", refused())
def test_refused_in_one_sentence(tmp_path, capfd, name):
    data, words = refused()[name]
    path = saved(tmp_path, name, data)
    begun = time.perf_counter()
    with pytest.raises(InputError, match=words):
        read_picture(path)
    assert isinstance(outcome(path), str)
    assert time.perf_counter() - begun < 5
    assert capfd.readouterr() == ("", "")


def endured():
    """Name -> file that is odd and holds a picture nevertheless."""
    return {
        "trailing.png": FILES["grey.png"] + bytes(1000),
        "trailing.jpg": FILES["colour.jpg"] + b"more",
        "endless.tif": endless_tiff(),
        "orientation.tif": tiff_bytes(texture(), extratags=[(274, 3, 1, 99, True)]),
        "resolution.tif": tiff_with(texture(), 282, 0),
        "profile.png": png_bytes(texture(channels=3), (b"iCCP", b"a\0\0not zlib")),
        "text.png": png_bytes(texture(), (b"tEXt", b"\xff\xfe no key"), (b"pHYs", b"short")),
        "exif.png": png_bytes(texture(), (b"eXIf", b"II*\0\xff\xff\xff\xff")),
        "exif.jpg": pillow_bytes(texture(channels=3), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"),
        "description.tif": tiff_bytes(texture(), description="ImageJ=1.53\nimages=x\nslices=99\nunit=\\u00B5m\n"),
        "stack.tif": tiff_bytes(np.stack([texture(), texture()]), description="<OME><Image></OME>"),
        "ome.tif": tiff_bytes(texture(), description="<?xml version='1.0'?><OME xmlns='http://x'><Image/></OME>"),
        "almost constant.png": png_bytes(np.pad(np.ones((1, 1), np.uint8), 12)),
        "thin.png": png_bytes(texture(16, 700)),
        "bits.png": imagecodecs.png_encode(texture()),
    }


@pytest.mark.parametrize("name", endured())
def test_odd_and_still_a_picture(tmp_path, capfd, name):
    picture = read_picture(saved(tmp_path, name, bytes(endured()[name])))
    check_picture(picture)
    again = read_picture(write_picture(tmp_path / "again", picture.values, picture))
    assert abs(again.values - picture.values).max() < 0.1
    assert capfd.readouterr() == ("", "")


@st.composite
def mutations(draw):
    """A file of any type with some of its bytes changed, cut out, or put in."""
    name = draw(st.sampled_from(sorted(FILES)))
    data = bytearray(FILES[name])
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.one_of(st.integers(0, min(200, len(data) - 1)), st.integers(0, len(data) - 1)))
        new = draw(st.one_of(st.binary(max_size=6), st.sampled_from([b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"])))
        data[at : at + draw(st.sampled_from([len(new), 0, 1, 4]))] = new
        data = data or bytearray(1)
    return name, bytes(data)


@settings(max_examples=400)
@given(mutations())
@example(("grey.png", b""))
def test_any_bytes_give_a_picture_or_a_sentence(tmp_path_factory, mutation):
    name, data = mutation
    folder = tmp_path_factory.mktemp("mutated")
    picture = outcome(saved(folder, name, data))
    if isinstance(picture, Picture):
        check_picture(picture)
        written = write_picture(folder / "again", picture.values, picture)
        check_picture(read_picture(written))


@settings(max_examples=50)
@given(mutations())
def test_any_bytes_give_a_kernel_or_a_sentence(tmp_path_factory, mutation):
    name, data = mutation
    try:
        kernel, _ = read_kernel(saved(tmp_path_factory.mktemp("mutated"), name, data))
    except InputError:
        return
    assert kernel.sum() == pytest.approx(1, abs=1e-4)
    assert kernel.min() >= 0


def test_reading_changes_no_warnings_and_no_logging(tmp_path, recwarn, caplog):
    for name, data in FILES.items():
        outcome(saved(tmp_path, name, data))
        outcome(saved(tmp_path, name, cut(data, 0.7)))
    assert not recwarn.list
    assert not caplog.records
