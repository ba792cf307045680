"""The pipeline that reads a stream: the epoch's order, chunk by chunk, and errors that name what is to blame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from nnrun.data.prepare.scaling import Rescale
from nnrun.data.streaming.picture_files import scan_pictures
from nnrun.data.streaming.streams import Stream
from nnrun.engine.executors.shuffle import epoch_order
from nnrun.engine.streaming.pipeline import StreamPipeline
from nnrun.errors import DataError
from nnrun.progress import NullProgress

from .test_streamed import on_disk


@pytest.mark.keras
@given(st.integers(1, 50), st.integers(1, 20), st.integers(0, 9))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_chunks_are_the_examples_in_the_order_asked_for(keras, rows: int, chunk: int, seed: int) -> None:
    """Whatever the sizes; the same pipeline serves every epoch."""
    import tensorflow as tf

    x = np.random.default_rng(seed).normal(size=(rows, 3)).astype("float32")
    pipeline = StreamPipeline(tf, on_disk(x, 1e6), chunk)
    for epoch in range(2):
        turned = epoch_order(seed, epoch, rows)
        chunks = [one.numpy() for one in pipeline.run(turned)]
        assert [len(one) for one in chunks[:-1]] == [chunk] * (len(chunks) - 1)
        assert (np.concatenate(chunks) == x[turned]).all()


@pytest.fixture
def files(tmp_path):
    """Write 150 small JPEGs."""
    rng, made = np.random.default_rng(0), []
    for index in range(150):
        made.append(tmp_path / f"{index:03}.jpg")
        Image.fromarray(rng.integers(0, 256, (10, 9, 3), dtype="uint8")).save(made[-1])
    return made


@pytest.mark.keras
@pytest.mark.parametrize("chunk", [7, 64, 200])
def test_pictures_come_prepared(keras, files, chunk: int) -> None:
    """Decoded in blocks of 32, given in chunks of another size, with Pillow's pixels after the steps."""
    import tensorflow as tf

    Image.open(files[3]).save(files[3].with_suffix(".bmp"))
    files[3] = files[3].with_suffix(".bmp")
    store = scan_pictures(files, (10, 9), "rgb", NullProgress(), same=True)
    stream = Stream(store, np.arange(150)[::-1], 1e6).with_step(Rescale(255)).finalized()
    turned = epoch_order(0, 0, 150)
    found = np.concatenate([one.numpy() for one in StreamPipeline(tf, stream, chunk).run(turned)])
    assert (found == stream.read(turned)).all()


@pytest.mark.keras
def test_a_picture_that_breaks_is_named(keras, files) -> None:
    """TensorFlow's own message has no path."""
    import tensorflow as tf

    store = scan_pictures(files, (10, 9), "rgb", NullProgress(), same=True)
    pipeline = StreamPipeline(tf, Stream(store, np.arange(150), 1e6).finalized(), 50)
    files[120].write_bytes(files[120].read_bytes()[:-50])
    with pytest.raises(DataError, match=r"120\.jpg: expected a picture"):
        list(pipeline.run(np.arange(150)))
    files[100].unlink()
    with pytest.raises(DataError, match=r"100\.jpg"):
        list(pipeline.run(np.arange(150)))


@pytest.mark.keras
def test_what_the_preparation_refuses_keeps_its_words(keras) -> None:
    """Not TensorFlow's, which would wrap them into a traceback."""
    import tensorflow as tf

    x = np.ones((20, 2))
    x[13] = np.nan
    with pytest.raises(DataError, match=r"example 13 .* holds a number that is not finite"):
        list(StreamPipeline(tf, on_disk(x, 1e6), 4).run(np.arange(20)))
