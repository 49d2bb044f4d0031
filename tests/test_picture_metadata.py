"""Orientation, colour profile, resolution and descriptions: what travels with the pixels, and that it stays true."""

import struct
import zlib
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile
from picture_files import (
    ICC,
    exif_block,
    opened,
    pillow_bytes,
    png_bytes,
    stored,
    texture,
    there_and_back,
    tiff_bytes,
    valid_files,
)

from inr_deblur import exif

OME = "{http://www.openmicroscopy.org/Schemas/OME/2016-06}"


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_orientation_is_applied_once(tmp_path, kind, orientation):
    samples = np.zeros((32, 48, 3), np.uint8)
    samples[:8, :8] = 255  # the corner that tells how it lies
    block = exif_block(orientation, width=48, height=32)
    options = {"exif": exif.PREFIX + block}
    format = {"jpg": "JPEG", "tif": "TIFF"}.get(kind, kind.upper())
    picture, again, written = there_and_back(tmp_path, f"a.{kind}", pillow_bytes(samples, format, **options))
    corner = {1: (4, 4), 3: (27, 43), 6: (4, 27)}[orientation]
    assert picture.values.shape == ((48, 32, 3) if orientation == 6 else (32, 48, 3))
    assert picture.values[corner].min() > 0.9
    assert picture.values.mean() < 0.1
    assert any("upright" in note for note in picture.notes) == (orientation != 1)
    assert again.values.shape == picture.values.shape
    assert not any("upright" in note for note in again.notes)
    tags = opened(written).getexif()
    assert tags.get(0x0112, 1) == 1
    assert tags.get_ifd(0x8769)[0x927C].startswith(b"note")
    assert tags.get_ifd(0x8825)[1] == "N"


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tif", "bmp"])
def test_profile_and_resolution_are_kept(tmp_path, kind):
    format = {"jpg": "JPEG", "tif": "TIFF"}.get(kind, kind.upper())
    data = pillow_bytes(texture(channels=3), format, icc_profile=ICC, dpi=(300, 300))
    _, again, written = there_and_back(tmp_path, f"a.{kind}", data)
    file = opened(written)
    assert kind == "bmp" or file.info["icc_profile"] == ICC
    assert kind == "webp" or file.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    if again.meta.resolution:
        assert np.asarray(again.meta.resolution.per("inch"), float) == pytest.approx([300, 300], abs=0.1)
    else:
        assert kind == "webp"  # which holds it in EXIF alone


@pytest.mark.parametrize("kind", ["jpg", "webp", "tif"])
def test_xmp_is_kept_and_its_orientation_set_right(tmp_path, kind):
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf tiff:Orientation=\"6\" dc:title='A'/></x:xmpmeta>"
    if kind == "tif":
        data = tiff_bytes(texture(), extratags=[(700, 1, len(xmp), xmp, True), (274, 3, 1, 6, True)])
    else:
        options = {"xmp": xmp, "exif": exif.PREFIX + exif_block(6)}
        data = pillow_bytes(texture(channels=3), {"jpg": "JPEG"}.get(kind, kind.upper()), **options)
    _, again, _ = there_and_back(tmp_path, f"a.{kind}", data)
    assert again.meta.xmp == xmp.replace(b'"6"', b'"1"')


def test_png_chunks_are_kept_and_those_of_the_pixels_are_not(tmp_path):
    kept = [
        (b"gAMA", struct.pack(">I", 45455)),
        (b"iCCP", b"name\0\0" + zlib.compress(ICC)),
        (b"pHYs", struct.pack(">IIB", 4000, 2000, 0)),
        (b"tEXt", b"Title\0a picture"),
        (b"iTXt", b"Author\0\0\0\0\0me"),
    ]
    data = png_bytes(texture(channels=3), *kept, (b"tRNS", bytes(6)), (b"sBIT", b"\5\5\5"))
    picture, _, written = there_and_back(tmp_path, "a.png", data)
    assert "alpha" in picture.notes[0]
    text = written.read_bytes()
    for name, body in kept:
        assert name in text
        assert name == b"iCCP" or name + body in text
    assert b"tRNS" not in text
    assert b"sBIT" not in text
    assert opened(written).info["icc_profile"] == ICC


def test_imagej_pixel_size_is_kept(tmp_path):
    picture, again, written = there_and_back(tmp_path, "a.tif", valid_files()["imagej.tif"])
    assert picture.notes == ()
    with tifffile.TiffFile(written) as tiff:
        assert tiff.is_imagej
        assert dict(tiff.imagej_metadata or {})["unit"] == "um"
        assert tiff.pages.first.tags["XResolution"].value == (19, 2)
    assert again.meta == picture.meta


def test_a_stack_gives_its_first_plane_and_keeps_the_pixel_size(tmp_path):
    picture, again, written = there_and_back(tmp_path, "a.tif", valid_files()["stack.tif"])
    assert "first of the file's 3 planes (axes ZYX, 3 x 20 x 24)" in picture.notes[0]
    assert again.notes == ()
    np.testing.assert_array_equal(stored(written), texture(dtype="uint16", seed=0))
    with tifffile.TiffFile(written) as tiff:
        described = dict(tiff.imagej_metadata or {})
    assert described["unit"] == "um"
    assert "slices" not in described


@pytest.mark.parametrize(
    ("axes", "shape"), [("YX", (20, 24)), ("YXS", (20, 24, 3)), ("CYX", (3, 20, 24)), ("TZCYX", (2, 2, 2, 20, 24))]
)
def test_ome_describes_the_plane_that_is_written(tmp_path, axes, shape):
    samples = np.random.default_rng(0).integers(0, 60000, shape).astype(np.uint16)
    size = {"axes": axes, "PhysicalSizeX": 0.25, "PhysicalSizeXUnit": "µm", "Channel": {"Name": ["a", "b", "c"]}}
    if axes != "CYX":
        size.pop("Channel")
    colour = "rgb" if "S" in axes else "minisblack"
    data = tiff_bytes(samples, ome=True, metadata=size, photometric=colour, planarconfig=None)
    picture, again, written = there_and_back(tmp_path, "a.ome.tif", data)
    alone = axes in ("YX", "YXS")
    assert bool(picture.notes) != alone
    assert again.notes == ()
    with tifffile.TiffFile(written) as tiff:
        assert tiff.is_ome
        assert tiff.series[0].shape == (shape if alone else (20, 24))
        first = samples if alone else samples.reshape(-1, 20, 24)[0]
        np.testing.assert_array_equal(tiff.series[0].asarray(), first)
        assert tiff.ome_metadata is not None
        (pixels,) = ElementTree.fromstring(tiff.ome_metadata).iter(f"{OME}Pixels")
    assert (pixels.get("PhysicalSizeX"), pixels.get("PhysicalSizeXUnit")) == ("0.25", "µm")


def test_geographic_pixel_size_is_kept(tmp_path):
    tag = (33550, 12, 3, (0.5, 0.5, 0.0), True)
    _, _, written = there_and_back(tmp_path, "a.tif", tiff_bytes(texture(), extratags=[tag]))
    with tifffile.TiffFile(written) as tiff:
        assert tiff.pages.first.tags[33550].value == (0.5, 0.5, 0.0)


@pytest.mark.parametrize("kind", ["unassalpha", "assocalpha", "unspecified"])
def test_what_alpha_means_in_tiff_is_kept(tmp_path, kind):
    data = tiff_bytes(texture(channels=4), extrasamples=[kind])
    picture, _, written = there_and_back(tmp_path, "a.tif", data)
    assert picture.alpha is not None
    with tifffile.TiffFile(written) as tiff:
        assert tiff.pages.first.extrasamples[0] == tifffile.EXTRASAMPLE[kind.upper()]
