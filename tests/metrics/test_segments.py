from __future__ import annotations

import gzip as standard
import io
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.exposition import segments

TEXTS = st.lists(st.binary(max_size=300) | st.binary(max_size=5).map(lambda text: text * 5000), max_size=12)


def _member(parts: list[segments.Part]) -> bytes:
    return b"".join(segments.member(parts))


@given(TEXTS)
def test_a_member_inflates_to_the_texts_in_order(texts: list[bytes]) -> None:
    packed = _member([segments.part(text) for text in texts])
    assert standard.decompress(packed) == b"".join(texts)


@given(TEXTS)
def test_it_is_one_member_that_ends_where_the_bytes_end(texts: list[bytes]) -> None:
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
    assert unpack.decompress(_member([segments.part(text) for text in texts])) == b"".join(texts)
    assert unpack.eof
    assert not unpack.unused_data


@given(TEXTS, st.data())
def test_parts_joined_in_any_groups_are_the_same_part(texts: list[bytes], data: st.DataObject) -> None:
    middle = data.draw(st.integers(0, len(texts)))
    parts = [segments.part(text) for text in texts]
    joined = segments.join([segments.join(parts[:middle]), segments.join(parts[middle:])])
    whole = b"".join(texts)
    assert joined == segments.join(parts)
    assert (joined.crc, joined.length) == (zlib.crc32(whole), len(whole))
    assert joined.text() == whole
    assert standard.decompress(_member([joined])) == whole


def test_nothing_is_a_member_too() -> None:
    assert segments.part(b"") is segments.EMPTY
    assert standard.decompress(_member([])) == b""
    assert standard.decompress(_member([segments.EMPTY, segments.EMPTY])) == b""


def test_parts_may_be_used_in_any_choice_and_as_often_as_wanted() -> None:
    one, two = segments.part(b"one\n" * 1000), segments.part(b"two\n")
    assert standard.decompress(_member([two, one, two, two])) == b"two\n" + b"one\n" * 1000 + b"two\n" * 2


def test_a_text_whose_crc_is_zero_is_no_special_case() -> None:
    zero = bytes.fromhex("9d0ad96d")
    assert zlib.crc32(zero) == 0
    parts = [segments.part(text) for text in (zero, b"a", zero, b"b")]
    assert standard.decompress(_member(parts)) == zero + b"a" + zero + b"b"


@pytest.mark.parametrize("damage", [10, -5, -1])
def test_the_sums_at_the_end_notice_damage(damage: int) -> None:
    packed = bytearray(_member([segments.part(b"some text " * 50), segments.part(b"more")]))
    packed[damage] ^= 0x10
    with pytest.raises((OSError, zlib.error, EOFError)):
        standard.GzipFile(fileobj=io.BytesIO(packed)).read()
