"""One plane of a TIFF file: which one it is, how its channels lie, and a description that is true for it alone.

ImageJ and OME describe a whole stack in the first page's text. Once a single plane is written, what the text says of
the others is taken out, and the pixel size stays.

Source: the Open Microscopy Environment's schema 2016-06; ImageJ's ij/io/FileInfo.java for the lines it writes.
"""

import re
from xml.etree import ElementTree

import numpy as np
from tifffile import TiffFile, TiffPage

_IMAGEJ_STACK = r"(?m)^(images|channels|slices|frames|hyperstack|mode|loop|spacing)=.*\n?"


def planes(tiff: TiffFile, page: TiffPage) -> tuple[int, str]:
    """How many planes the file holds, and how they are arranged, in words."""
    try:
        series = tiff.series[0]
    except Exception:  # tifffile believes descriptions, and raises anything where they contradict the file
        return len(tiff.pages), "pages"
    if len(tiff.series) > 1:
        return len(tiff.pages), "pages of different kinds"
    count = series.size // max(page.size, 1) * max(page.imagedepth, 1)
    return count, f"axes {series.axes}, {' x '.join(map(str, series.shape))}"


def first_plane(page: TiffPage, array: np.ndarray) -> np.ndarray:
    """The page's array as (H, W) or (H, W, S), its first plane where it has depth."""
    axes = page.axes
    for axis in set(axes) - set("YXS"):
        array = array.take(0, axis=axes.index(axis))
        axes = axes.replace(axis, "")
    for axis in set("YX") - set(axes):  # tifffile leaves out sides of one pixel
        array, axes = np.expand_dims(array, 0), axis + axes
    return array.transpose([axes.index(axis) for axis in "YXS" if axis in axes])


def description(tiff: TiffFile, page: TiffPage, alone: bool) -> bytes | None:
    """The description for a file of the first plane; `alone`: the file that was read has no other."""
    text = page.description
    if tiff.is_shaped:  # tifffile's own: tells the array's shape and nothing else
        return None
    if not alone and tiff.is_imagej:
        text = re.sub(_IMAGEJ_STACK, "", text)
    elif not alone and tiff.is_ome:
        try:
            text = _ome_of_first_plane(text)
        except (ElementTree.ParseError, ValueError):  # no XML, or of no image: nothing that could be kept
            return None
    return text.encode() or None


def _ome_of_first_plane(xml: str) -> str:
    root = ElementTree.fromstring(xml)
    namespace = root.tag.rpartition("}")[0].lstrip("{")
    ElementTree.register_namespace("", namespace)
    first, *others = root.findall(f"{{{namespace}}}Image")
    for image in others:
        root.remove(image)
    for pixels in first.findall(f"{{{namespace}}}Pixels"):
        pixels.attrib.update(SizeZ="1", SizeC="1", SizeT="1")
        kept: set[str] = set()
        for child in list(pixels):  # of each kind the first: the plane's own channel, place and time
            kind = child.tag.rpartition("}")[2]
            if kind in kept:
                pixels.remove(child)
            elif kind == "TiffData":
                child.clear()  # without attributes: all planes of this file
            elif kind == "Channel":
                pixels.set("SizeC", child.get("SamplesPerPixel", "1"))
            kept.add(kind)
    return ElementTree.tostring(root, encoding="unicode")
