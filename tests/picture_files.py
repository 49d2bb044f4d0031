"""Pictures and files made for the tests of reading and writing."""

import io
import struct
import zlib

import imagecodecs
import numpy as np
import tifffile
from PIL import Image, ImageCms

from inr_deblur.image_io import read_picture, write_picture

ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def texture(height=20, width=24, channels=0, dtype="uint8", seed=0):
    """Random samples over the whole range of the type, (H, W) or (H, W, channels)."""
    random = np.random.default_rng(seed)
    shape = (height, width, channels) if channels else (height, width)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return random.random(shape).astype(kind)
    samples = random.integers(np.iinfo(kind).min, np.iinfo(kind).max, shape, kind, endpoint=True)
    samples[0, 0], samples[-1, -1] = np.iinfo(kind).min, np.iinfo(kind).max
    return samples


def exif_block(orientation=1, **tags):
    """An EXIF block with an orientation, sides, a maker's note and a thumbnail directory, little-endian."""
    block = Image.Exif()
    block[0x0112] = orientation
    block[0x010F] = "Maker"
    inner = block.get_ifd(0x8769)
    inner[0xA002], inner[0xA003] = tags.get("width", 24), tags.get("height", 20)
    inner[0x829A] = (1, 8)
    inner[0x927C] = b"note " * 10
    block.get_ifd(0x8825)[1] = "N"
    return block.tobytes().removeprefix(b"Exif\0\0")


def pillow_bytes(samples, kind, **options):
    """The array as a file that Pillow writes."""
    file = io.BytesIO()
    image = samples if isinstance(samples, Image.Image) else Image.fromarray(samples)
    image.save(file, kind, **options)
    return file.getvalue()


def tiff_bytes(samples, **options):
    """The array as a file that tifffile writes."""
    file = io.BytesIO()
    colour = samples.ndim == 3 and samples.shape[2] in (3, 4)
    tifffile.imwrite(file, samples, **({"photometric": "rgb" if colour else "minisblack", "metadata": None} | options))
    return file.getvalue()


def png_chunk(name, body):
    """A chunk of a PNG file."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_bytes(samples, *chunks, level=6):
    """The array, 8 or 16 bit, as a PNG file with further chunks (name, body) after the header."""
    data = bytes(imagecodecs.png_encode(samples, level=level))
    return data[:33] + b"".join(png_chunk(*chunk) for chunk in chunks) + data[33:]


def valid_files():
    """A small file of every type that is read: {name: bytes}, the names with their suffix."""
    grey, colour = texture(), texture(channels=3)
    deep, clear = texture(channels=3, dtype="uint16"), texture(channels=4)
    exif = exif_block(6)
    return {
        "grey.png": png_bytes(grey),
        "deep.png": png_bytes(
            deep,
            (b"iCCP", b"a\0\0" + zlib.compress(ICC)),
            (b"eXIf", exif),
            (b"pHYs", struct.pack(">IIB", 1000, 900, 1)),
        ),
        "clear.png": png_bytes(clear, (b"tEXt", b"Title\0x")),
        "palette.png": pillow_bytes(Image.fromarray(colour).quantize(9), "PNG", transparency=3),
        "grey.jpg": pillow_bytes(grey, "JPEG"),
        "colour.jpg": pillow_bytes(colour, "JPEG", exif=b"Exif\0\0" + exif, icc_profile=ICC, dpi=(200, 200)),
        "cmyk.jpg": pillow_bytes(Image.fromarray(colour).convert("CMYK"), "JPEG"),
        "clear.webp": pillow_bytes(clear, "WEBP", lossless=True, exact=True, exif=exif, icc_profile=ICC),
        "lossy.webp": pillow_bytes(colour, "WEBP"),
        "colour.bmp": pillow_bytes(colour, "BMP", dpi=(200, 200)),
        "grey.bmp": pillow_bytes(grey, "BMP"),
        "palette.gif": pillow_bytes(colour, "GIF"),
        "moving.gif": pillow_bytes(colour, "GIF", save_all=True, append_images=[Image.fromarray(grey)]),
        "grey.tif": tiff_bytes(grey),
        "deep.tif": tiff_bytes(deep, compression="lzw", resolution=(300, 200), iccprofile=ICC),
        "float.tif": tiff_bytes(texture(dtype="float32"), compression="adobe_deflate", predictor=True),
        "tiles.tif": tiff_bytes(texture(40, 50, 3), tile=(16, 16), compression="jpeg"),
        "imagej.tif": tiff_bytes(
            texture(dtype="uint16"), imagej=True, metadata={"unit": "um"}, resolution=(9.5, 9.5), photometric=None
        ),
        "stack.tif": tiff_bytes(
            np.stack([texture(dtype="uint16", seed=i) for i in range(3)]),
            imagej=True,
            metadata={"unit": "um", "axes": "ZYX"},
            resolution=(9.5, 9.5),
        ),
        "ome.ome.tif": tiff_bytes(
            np.stack([texture(dtype="uint16", seed=i) for i in range(2)]),
            ome=True,
            metadata={"axes": "CYX", "PhysicalSizeX": 0.25, "PhysicalSizeXUnit": "µm"},
        ),
        "palette.tif": tiff_bytes(grey, photometric="palette", colormap=texture(3, 256, dtype="uint16")),
        "bilevel.tif": pillow_bytes(Image.fromarray(grey).convert("1"), "TIFF"),
        "exif.tif": pillow_bytes(colour, "TIFF", exif=b"Exif\0\0" + exif),
    }


def opened(path):
    """The file as Pillow sees it."""
    return Image.open(io.BytesIO(path.read_bytes()))


def stored(path):
    """The samples of a file by another way than the one that is tested."""
    if path.suffix == ".tif":
        return tifffile.imread(path)
    return imagecodecs.imread(path) if path.suffix == ".png" else np.asarray(opened(path))


def saved(folder, name, data):
    path = folder / name
    path.write_bytes(data)
    return path


def there_and_back(folder, name, data):
    """Read the file, write what was read, read it again: both pictures and the path written."""
    picture = read_picture(saved(folder, name, data))
    written = write_picture(folder / "result", picture.values, picture)
    return picture, read_picture(written), written
