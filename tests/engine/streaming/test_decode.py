"""TensorFlow's decoder gives Pillow's pixels of every plain picture, and Pillow decodes the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nnrun.data.streaming.picture_files import PictureFiles, scan_pictures
from nnrun.engine.streaming.decode import block_decoder, block_size, first_broken
from nnrun.progress import NullProgress


def pictures(folder: Path, size: tuple[int, int], **options: object) -> list[Path]:
    """Write smooth and noisy pictures, grey and in colour."""
    rng, files = np.random.default_rng(0), []
    for index in range(12):
        channels = 3 if index % 3 else 1
        smooth = np.add.outer(np.arange(size[0]) * 5, np.arange(size[1]) * 3)[..., None] + np.arange(channels) * 40
        noise = rng.integers(0, 256, (*size, channels)) if index % 2 else smooth
        files.append(folder / f"{index}.{options.get('ending', 'jpg')}")
        save_options = {name: value for name, value in options.items() if name != "ending"}
        pixels = (noise % 256).astype("uint8")
        Image.fromarray(pixels[..., 0] if channels == 1 else pixels).save(files[-1], **save_options)
    return files


def decoded(tf, store: PictureFiles, rows: np.ndarray) -> np.ndarray:
    """Decode rows by one call; Pillow may only be asked for what is not plain."""

    def by_pillow(asked):
        read = tf.numpy_function(store.read, (asked,), tf.uint8)
        return tf.ensure_shape(read, (len(rows), *store.shape))

    return tf.function(block_decoder(tf, store, by_pillow))(tf.constant(rows)).numpy()


@pytest.mark.keras
@pytest.mark.parametrize("size", [(28, 28), (33, 47), (1, 1), (120, 80)])
@pytest.mark.parametrize(
    "options",
    [
        {"quality": 20},
        {"quality": 75},
        {"quality": 95, "subsampling": 0},
        {"quality": 90, "subsampling": 1},
        {"progressive": True},
        {"ending": "png"},
    ],
)
@pytest.mark.parametrize("colour", ["rgb", "grey"])
def test_plain_pictures_have_pillows_pixels(keras, tmp_path, size, options, colour) -> None:
    """JPEG of any quality and subsampling, progressive ones, and PNG; as they are, and as grey."""
    import tensorflow as tf

    store = scan_pictures(pictures(tmp_path, size, **options), size, colour, NullProgress(), same=True)
    assert store.simple.all()
    rows = np.arange(12)
    assert (decoded(tf, store, rows) == store.read(rows)).all()


@pytest.mark.keras
def test_grey_pictures_alone_are_decoded_with_one_channel(keras, tmp_path) -> None:
    """They need no arithmetic."""
    import tensorflow as tf

    file = tmp_path / "a.jpg"
    Image.fromarray(np.arange(64, dtype="uint8").reshape(8, 8)).save(file)
    store = scan_pictures([file], (8, 8), "grey", NullProgress(), same=True)
    assert store.channels == 1
    assert (decoded(tf, store, np.array([0])) == store.read(np.array([0]))).all()


@pytest.mark.keras
def test_what_is_not_plain_is_decoded_by_pillow(keras, tmp_path) -> None:
    """Rows counted from -1 down: a block with another format, size or direction in it."""
    import tensorflow as tf

    files = [*pictures(tmp_path, (6, 5)), *pictures(tmp_path, (9, 9), ending="gif")]
    store = scan_pictures(files, (6, 5), "rgb", NullProgress(), same=False)
    assert store.simple.tolist() == [True] * 12 + [False] * 12
    rows = np.array([0, 13, 20])
    assert (decoded(tf, store, -1 - rows) == store.read(rows)).all()


def test_large_pictures_are_decoded_by_few_at_a_time() -> None:
    """One call pays off for small ones only."""

    def of(side: int, plain: bool) -> int:
        return block_size(PictureFiles(["x"], (side, side), "rgb", np.array([plain]), 3, np.zeros((1, 32), "uint8")))

    assert (of(28, True), of(28, False), of(224, True), of(5000, True)) == (32, 8, 3, 1)


@pytest.mark.keras
def test_the_first_broken_picture_is_found(keras, tmp_path) -> None:
    """The error names the path, whichever decoder refuses it; there is none if all are complete."""
    import tensorflow as tf

    files = pictures(tmp_path, (16, 16))
    store = scan_pictures(files, (16, 16), "rgb", NullProgress(), same=True)
    assert first_broken(tf, store, np.arange(12)) is None
    files[7].write_bytes(files[7].read_bytes()[:-60])
    assert files[7].name in str(first_broken(tf, store, np.arange(12)))
    Image.fromarray(np.zeros((3, 3, 3), dtype="uint8")).save(files[7])
    assert "another or a broken one" in str(first_broken(tf, store, np.arange(12)))
