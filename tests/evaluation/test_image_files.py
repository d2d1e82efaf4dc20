"""Image files as people have them: one rule for their pixels, checked against Pillow's and by hand."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from tfpagan.evaluation import image_files
from tfpagan.evaluation.image_files import ImageFileError

X = np.random.default_rng(0).integers(0, 256, [6, 10, 3]).astype(np.uint8)
ORIENTATION = 0x0112


def encoded(image: Image.Image, format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    return tags


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_are_turned_as_exif_says(format: str, orientation: int) -> None:
    smooth = np.add.outer(np.arange(6) * 20, np.arange(10) * 9)[..., None] + np.array([0, 30, 60])
    image = Image.fromarray(X if format == "PNG" else smooth.astype(np.uint8))  # JPEG decoders round differently
    options = {"quality": 100, "subsampling": 0} if format == "JPEG" else {}
    given = image_files.decode(encoded(image, format, exif=exif(orientation), **options))
    with Image.open(io.BytesIO(encoded(image, format, exif=exif(orientation), **options))) as stored:
        expected = np.asarray(ImageOps.exif_transpose(stored))
    assert given.shape == expected.shape == ((10, 6, 3) if orientation > 4 else (6, 10, 3))
    np.testing.assert_allclose(given.astype(int), expected, atol=8 if format == "JPEG" else 0)


def test_an_orientation_that_cannot_be_read_or_is_none_turns_nothing() -> None:
    for tags in (exif(0), exif(9), b"Exif\0\0nonsense", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"):
        file = encoded(Image.fromarray(X), "PNG", exif=tags)
        np.testing.assert_array_equal(image_files.decode(file), X)


def test_a_palette_is_resolved_whatever_its_order() -> None:
    indices = np.arange(60).reshape(6, 10).astype(np.uint8) % 4
    palette = np.array([[10, 20, 30], [200, 0, 0], [0, 150, 0], [1, 2, 250]], np.uint8)
    for format in ("BMP", "PNG", "GIF"):
        for order in (np.arange(4), np.arange(4)[::-1]):
            image = Image.fromarray(np.argsort(order)[indices].astype(np.uint8), "P")
            image.putpalette(palette[order].tobytes())
            np.testing.assert_array_equal(image_files.decode(encoded(image, format)), palette[indices], err_msg=format)


@pytest.mark.parametrize("format", ["PNG", "BMP", "GIF"])
def test_lossless_files_are_their_pixels(format: str) -> None:
    grey = X[..., :1]
    one_bit = (grey > 100).astype(np.uint8) * 255
    for image, expected in (
        (Image.fromarray(grey[..., 0]), grey),
        (Image.fromarray(one_bit[..., 0]).convert("1"), one_bit),
        *([(Image.fromarray(X), X)] if format != "GIF" else []),
    ):
        given = image_files.decode(encoded(image, format))
        np.testing.assert_array_equal(given, np.broadcast_to(expected, given.shape))
        assert given.shape[2] in (expected.shape[2], 3 if format == "GIF" else 0)  # a GIF always has a palette


def with_alpha(kind: str, opaque: bool) -> tuple[bytes, np.ndarray, np.ndarray]:
    """A file with an alpha channel or transparent colour, its colours, and how opaque each pixel is, from 0 to 1."""
    alpha = np.full([6, 10, 1], 255, np.uint8)
    if kind in ("RGBA", "LA"):
        if not opaque:
            alpha[:3] = 51
        colours = X if kind == "RGBA" else X[..., :1]
        image = Image.fromarray(np.concatenate([colours, alpha], 2), kind)
        return encoded(image, "PNG"), colours, alpha / 255
    indices = np.arange(60).reshape(6, 10).astype(np.uint8) % 3
    palette = np.array([[9, 99, 199], [200, 0, 0], [0, 150, 0], [255, 255, 255]], np.uint8)
    image = Image.fromarray(indices, "P")
    image.putpalette(palette.tobytes())
    unused, used = 3, 1
    file = encoded(image, kind.removeprefix("palette "), transparency=unused if opaque else used)
    return file, palette[indices], np.where((indices == used) & (not opaque), 0.0, 1.0)[..., None]


@pytest.mark.parametrize("kind", ["RGBA", "LA", "palette PNG", "palette GIF"])
def test_opaque_alpha_is_dropped_and_transparent_pixels_need_a_background(kind: str) -> None:
    file, colours, _ = with_alpha(kind, opaque=True)
    np.testing.assert_array_equal(image_files.decode(file), colours)
    file, colours, share = with_alpha(kind, opaque=False)
    with pytest.raises(ImageFileError, match="it has transparent pixels"):
        image_files.decode(file)
    for background in ((255, 255, 255), (0, 0, 0), (0, 128, 255)):
        expected = np.rint(share * colours + (1 - share) * np.array(background))
        given = image_files.decode(file, background)
        assert np.abs(given - expected).max() <= 1
        assert (given.shape[2] == 3) == image_files.has_colour(file, background)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_transparent_grey_level_is_noticed_at_every_depth(bits: int) -> None:
    """A PNG of 8 x 1 px, half of it the level that tRNS names, which Pillow cannot write at 2 and 4 bits."""
    most = 2**bits - 1
    row = int("".join(f"{level:0{bits}b}" for level in [most] * 4 + [0] * 4), 2).to_bytes(bits, "big")
    header, clear = struct.pack(">IIBBBBB", 8, 1, bits, 0, 0, 0, 0), struct.pack(">H", most)
    chunks = [(b"IHDR", header), (b"tRNS", clear), (b"IDAT", zlib.compress(b"\0" + row)), (b"IEND", b"")]
    file = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(d)) + kind + d + struct.pack(">I", zlib.crc32(kind + d)) for kind, d in chunks
    )
    with pytest.raises(ImageFileError, match="it has transparent pixels"):
        image_files.decode(file)
    assert image_files.decode(file, (0, 0, 0)).tolist() == [[[0]] * 8]


def test_sixteen_bits_per_sample_are_refused() -> None:
    grey = encoded(Image.fromarray((np.arange(60).reshape(6, 10) * 1000).astype(np.uint16)), "PNG")
    header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)  # RGB, which Pillow cannot write
    data = zlib.compress(b"\0" + bytes(range(12)))
    chunks = [(b"IHDR", header), (b"IDAT", data), (b"IEND", b"")]
    colour = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(d)) + kind + d + struct.pack(">I", zlib.crc32(kind + d)) for kind, d in chunks
    )
    for file in (grey, colour):
        with pytest.raises(ImageFileError, match="16 bits per sample, and 8 are supported"):
            image_files.decode(file)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"not an image", "its contents are not PNG, JPEG, GIF or BMP"),
        (encoded(Image.fromarray(X), "WEBP"), "its contents are not PNG, JPEG, GIF or BMP"),
        (encoded(Image.fromarray(X), "TIFF"), "its contents are not PNG, JPEG, GIF or BMP"),
        (encoded(Image.fromarray(X), "PNG")[:60], "damaged or cut off"),
        (encoded(Image.fromarray(X), "JPEG")[:-60], "damaged or cut off"),
        (encoded(Image.fromarray(X), "BMP")[:60], "damaged or cut off"),
        (b"\x89PNG\r\n\x1a\n", "damaged or cut off"),
    ],
)
def test_what_is_no_image_says_why(data: bytes, message: str) -> None:
    with pytest.raises(ImageFileError, match=message):
        image_files.decode(data)


def test_a_file_of_another_format_than_its_name_and_bytes_after_its_end_do_no_harm(tmp_path: Path) -> None:
    file = encoded(Image.fromarray(X), "PNG")
    np.testing.assert_array_equal(image_files.decode(file + b"\0" * 500 + file), X)
    (tmp_path / "a.jpg").write_bytes(file)
    np.testing.assert_array_equal(image_files.decode((tmp_path / "a.jpg").read_bytes()), X)


def test_a_plain_decoder_shows_what_passes_require_plain() -> None:
    size = (6, 10)
    for file in (encoded(Image.fromarray(X), "PNG"), encoded(Image.fromarray(X), "JPEG"), with_alpha("RGBA", opaque=True)[0]):
        image_files.require_plain(file, size)
    for file, message in (
        (encoded(Image.fromarray(X), "JPEG", exif=exif(6)), "its EXIF orientation asks for turning"),
        (with_alpha("LA", opaque=False)[0], "it has transparent pixels"),
        (with_alpha("palette PNG", opaque=False)[0], "it has transparent pixels"),
        (encoded(Image.fromarray(X[:5]), "PNG"), "it is 5 x 10 px, and 6 x 10 are needed"),
    ):
        with pytest.raises(ImageFileError, match=message):
            image_files.require_plain(file, size)
    with pytest.raises(ImageFileError, match="its contents are not"):
        image_files.require_plain(encoded(Image.fromarray(X), "GIF"), size, ("PNG", "JPEG"))


LITTER = ("Thumbs.db", "desktop.ini", ".DS_Store", "._a.png", "__MACOSX/._a.png", ".hidden/b.png")


def test_litter_and_other_files_are_left_out_and_links_count_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("b.PNG", "a/c.jpeg", "notes.txt", "metadata.csv", *LITTER):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "d.gif").write_bytes(b"")
    (tmp_path / "in" / "more").symlink_to(tmp_path / "out")
    (tmp_path / "in" / "again").symlink_to(tmp_path / "in")
    caplog.set_level("INFO")
    found = [str(file.relative_to(tmp_path / "in")) for file in image_files.under(tmp_path / "in")]
    assert found == ["a/c.jpeg", "b.PNG", "more/d.gif"]
    assert "ignoring 2 files that are not images by name" in caplog.text
    for folder, inside in ((tmp_path / "in/a/new", True), (tmp_path / "out/new", True), (tmp_path / "in/more/new", True)):
        assert image_files.holds(tmp_path / "in", folder) == inside
    assert not image_files.holds(tmp_path / "in", tmp_path / "innermost")
