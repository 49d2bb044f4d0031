"""EXIF blocks: the orientation is found and set right, everything else stays where it was."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from picture_files import exif_block, texture
from PIL import Image, ImageOps

from inr_deblur import exif, exif_in_tiff
from inr_deblur.picture import turn


def tags_of(block):
    whole = Image.Exif()
    whole.load(block)
    return whole


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_as_pillow_does(orientation):
    samples = texture(5, 7, 3)
    image = Image.fromarray(samples)
    image.getexif()[0x0112] = orientation
    expected = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(turn(samples, orientation), expected)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_only_orientation_and_sides_change(orientation):
    block = exif_block(orientation, width=24, height=20)
    changed = exif.made_upright(block)
    assert exif.orientation(block) == orientation
    assert exif.orientation(changed) == 1
    before, after = tags_of(block), tags_of(changed)
    sides = (24, 20) if orientation < 5 else (20, 24)
    assert (after.get_ifd(0x8769)[0xA002], after.get_ifd(0x8769)[0xA003]) == sides
    assert after.get_ifd(0x8769)[0x927C] == before.get_ifd(0x8769)[0x927C]
    assert after[0x010F] == "Maker"
    assert len(changed) == len(block)
    assert sum(a != b for a, b in zip(block, changed, strict=True)) <= 3  # the orientation, width and height


def test_the_thumbnail_is_unlinked():
    block = bytearray(exif_block(6))
    order = ">" if block[:2] == b"MM" else "<"
    (count,) = struct.unpack_from(order + "H", block, 8)
    struct.pack_into(order + "I", block, 10 + 12 * count, 8)  # a next directory
    assert exif.made_upright(bytes(block))[10 + 12 * count :][:4] == bytes(4)


@given(st.binary(max_size=200), st.sampled_from([b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"]))
def test_any_bytes_are_endured(data, header):
    assert 1 <= exif.orientation(header + data) <= 8
    assert len(exif.made_upright(header + data)) == len(header + data)
    exif_in_tiff.directories(header + data)
    exif_in_tiff.taken_out(header + data)


def test_directories_go_into_a_tiff_file_and_come_out():
    image = io.BytesIO()
    Image.fromarray(texture()).save(image, "TIFF")
    block = exif_block()
    data = exif_in_tiff.put_in(image.getvalue(), exif_in_tiff.directories(block))
    before, after = tags_of(block), tags_of(exif_in_tiff.taken_out(data))
    for directory in exif_in_tiff.DIRECTORIES:
        assert before.get_ifd(directory)
        assert after.get_ifd(directory) == before.get_ifd(directory)
    np.testing.assert_array_equal(Image.open(io.BytesIO(data)), texture())
