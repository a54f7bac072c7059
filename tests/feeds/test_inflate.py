"""Inflating: what servers pack is unpacked, and bombs stop at the limit."""

from __future__ import annotations

import gzip
import zlib

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.feeds.inflate import Broken, TooLarge, inflater

LIMIT = 100_000


def unpack(encoding: str, packed: bytes, limit: int = LIMIT, step: int = 1_000) -> bytes:
    """Unpack in chunks, as they come from a network."""
    engine = inflater(encoding, limit)
    for place in range(0, len(packed), step):
        engine.feed(packed[place : place + step])
    return engine.finish()


def raw_deflate(data: bytes) -> bytes:
    """Deflate without the header that the RFC asks for."""
    engine = zlib.compressobj(wbits=-15)
    return engine.compress(data) + engine.flush()


PACKERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "": bytes,
    "identity": bytes,
}


@given(st.binary(max_size=5_000), st.sampled_from(sorted(PACKERS)), st.integers(1, 700))
def test_every_encoding_comes_back_whole(data: bytes, encoding: str, step: int) -> None:
    """Whatever the chunks, what was packed comes out."""
    if encoding in {"", "identity"} and data.startswith(b"\x1f\x8b\x08"):
        return
    assert unpack(encoding, PACKERS[encoding](data), step=step) == data


def test_deflate_without_its_header_is_read() -> None:
    """Servers that leave the zlib header out are common."""
    data = b"<rss>" + b"news " * 500
    assert unpack("deflate", raw_deflate(data)) == data


def test_plain_text_that_claims_to_be_gzip_is_read_as_plain() -> None:
    """A false label does not cost the feed."""
    assert unpack("gzip", b"<rss/>") == b"<rss/>"


def test_a_gzip_file_without_a_label_is_unpacked() -> None:
    """feed.xml.gz is a feed."""
    assert unpack("", gzip.compress(b"<rss/>")) == b"<rss/>"


def test_gzip_members_that_follow_each_other_are_one() -> None:
    """A gzip file may have several members; padding after them is ignored."""
    packed = gzip.compress(b"one ") + gzip.compress(b"two") + b"\x00" * 10
    assert unpack("gzip", packed) == b"one two"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_a_bomb_stops_at_the_limit(encoding: str) -> None:
    """A small answer that unpacks to much is stopped, whatever it is packed with."""
    bomb = PACKERS[encoding](b"\x00" * 3_000_000)
    with pytest.raises(TooLarge):
        unpack(encoding, bomb)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_an_answer_that_is_cut_short_is_broken(encoding: str) -> None:
    """Half an answer is not taken for a whole one."""
    packed = PACKERS[encoding](b"news " * 1_000)
    with pytest.raises(Broken):
        unpack(encoding, packed[: len(packed) // 2])


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br, gzip", "zstd", "compress"])
def test_stacked_and_unknown_encodings_are_refused(encoding: str) -> None:
    """Only what was offered, and only once."""
    with pytest.raises(Broken):
        inflater(encoding, LIMIT)


@given(st.sampled_from(["gzip", "deflate", "br"]), st.binary(max_size=300))
def test_noise_is_broken_and_nothing_else(encoding: str, noise: bytes) -> None:
    """Bytes that are no packing at all raise the one error, or are read as they are."""
    try:
        unpack(encoding, noise)
    except Broken:
        return
