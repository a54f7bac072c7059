"""Undo a Content-Encoding while counting what comes out, so that a bomb stops at the limit."""

from __future__ import annotations

import zlib
from typing import Protocol

import brotli

ENCODINGS = "gzip, deflate, br"
_STEP = 256 * 1024


class TooLarge(Exception):
    """More came out than is allowed."""


class Broken(Exception):
    """The bytes are not what the label says, or end too early."""


class Inflater(Protocol):
    """Takes chunks as they arrive and gives what they unpack to."""

    def feed(self, chunk: bytes) -> None:
        """Unpack one chunk.

        :raises TooLarge: when the limit is passed.
        :raises Broken: when the chunk cannot be unpacked.
        """

    def finish(self) -> bytes:
        """Everything that was unpacked.

        :raises Broken: when the end is missing.
        """


def inflater(encoding: str, limit: int) -> Inflater:
    """One that fits the Content-Encoding header.

    Stacked encodings are refused: nobody serves a feed packed twice, and each layer multiplies
    what a bomb can hold.

    :raises Broken: when the encoding is stacked or not one that was offered.
    """
    names = [name.strip().lower() for name in encoding.split(",")]
    names = [name for name in names if name not in {"", "identity", "none"}]
    if not names:
        return _Plain(limit)
    if len(names) > 1:
        raise Broken("the answer is packed more than once")
    if names[0] in {"gzip", "x-gzip", "deflate"}:
        return _Zlib(limit, gzip="gzip" in names[0])
    if names[0] == "br":
        return _Brotli(limit)
    raise Broken(f"the answer is packed in a way that was not offered ({names[0][:20]!a})")


class _Plain:
    """No encoding; a body that is itself a gzip file (feed.xml.gz) is unpacked all the same."""

    def __init__(self, limit: int):
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._inner: _Zlib | None = None

    def feed(self, chunk: bytes) -> None:
        if not self._parts and self._inner is None and chunk.startswith(b"\x1f\x8b\x08"):
            self._inner = _Zlib(self._limit, gzip=True)
        if self._inner is not None:
            self._inner.feed(chunk)
            return
        self._size += len(chunk)
        if self._size > self._limit:
            raise TooLarge
        self._parts.append(chunk)

    def finish(self) -> bytes:
        return self._inner.finish() if self._inner is not None else b"".join(self._parts)


class _Zlib:
    """gzip and deflate, with the two things servers get wrong about them.

    Some say gzip and send plain text; some say deflate and leave its header out (RFC 9110 8.4.1.2
    asks for one). Both are read as what they are.
    """

    def __init__(self, limit: int, *, gzip: bool):
        self._limit = limit
        self._gzip = gzip
        self._parts: list[bytes] = []
        self._size = 0
        self._start = b""
        self._engine: zlib._Decompress | None = None
        self._plain: _Plain | None = None

    def feed(self, chunk: bytes) -> None:
        if self._engine is None and self._plain is None:
            self._start += chunk
            if len(self._start) < 2:
                return
            chunk, self._start = self._start, b""
            self._choose(chunk)
        if self._plain is not None:
            self._plain.feed(chunk)
            return
        self._unpack(chunk)

    def finish(self) -> bytes:
        if self._plain is not None:
            return self._plain.finish()
        if self._engine is None:
            return self._start
        if not self._engine.eof:
            raise Broken("the packed answer is cut short")
        return b"".join(self._parts)

    def _choose(self, start: bytes) -> None:
        if self._gzip:
            if start.startswith(b"\x1f\x8b"):
                self._engine = zlib.decompressobj(16 + zlib.MAX_WBITS)
            else:
                self._plain = _Plain(self._limit)
        elif start[0] & 0x0F == 8 and int.from_bytes(start[:2], "big") % 31 == 0:
            self._engine = zlib.decompressobj()
        elif start[:1] in b"<{ \t\r\n\xef":
            self._plain = _Plain(self._limit)
        else:
            self._engine = zlib.decompressobj(-zlib.MAX_WBITS)

    def _unpack(self, chunk: bytes) -> None:
        while chunk:
            engine = self._engine
            if engine is None or engine.eof:
                # A second gzip member may follow (RFC 1952 2.2); anything else is padding.
                if not (self._gzip and chunk.startswith(b"\x1f\x8b")):
                    return
                engine = self._engine = zlib.decompressobj(16 + zlib.MAX_WBITS)
            try:
                out = engine.decompress(chunk, _STEP)
            except zlib.error:
                raise Broken("the packed answer is damaged") from None
            self._size += len(out)
            if self._size > self._limit:
                raise TooLarge
            self._parts.append(out)
            chunk = engine.unused_data if engine.eof else engine.unconsumed_tail


class _Brotli:
    def __init__(self, limit: int):
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._engine = brotli.Decompressor()

    def feed(self, chunk: bytes) -> None:
        try:
            self._keep(self._engine.process(chunk, output_buffer_limit=_STEP))
            while not self._engine.can_accept_more_data():
                self._keep(self._engine.process(b"", output_buffer_limit=_STEP))
        except brotli.error:
            raise Broken("the packed answer is damaged") from None

    def _keep(self, out: bytes) -> None:
        self._size += len(out)
        if self._size > self._limit:
            raise TooLarge
        self._parts.append(out)

    def finish(self) -> bytes:
        if not self._engine.is_finished():
            raise Broken("the packed answer is cut short")
        return b"".join(self._parts)
