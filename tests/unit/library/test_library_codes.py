"""Stored features come back as they were, and damage to them never goes unnoticed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from library_builders import features

from desktop_app.domain.features import LocalCodes
from desktop_app.library.codes import (
    DamagedFeatures,
    checksum,
    pack_descriptor,
    pack_local,
    unpack_descriptor,
    unpack_local,
)


@st.composite
def local_codes(draw):
    clusters = draw(st.integers(0, 32))
    code_bytes = draw(st.sampled_from([8, 16, 32]))
    rows, columns = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    dimension = draw(st.sampled_from([64, 128]))
    return LocalCodes(
        codes=draw(arrays.arrays(np.uint8, (clusters, code_bytes))),
        labels=draw(arrays.arrays(np.uint8, (rows, columns))),
        centroids=draw(arrays.arrays(np.int8, (clusters, dimension))),
        scale=draw(st.floats(0, 2, width=32)),
    )


@settings(deadline=None)
@given(local_codes())
def test_local_codes_come_back_as_they_were(local):
    back = unpack_local(pack_local(local))
    assert np.array_equal(back.codes, local.codes)
    assert np.array_equal(back.labels, local.labels)
    assert np.array_equal(back.centroids, local.centroids)
    assert back.scale == local.scale
    assert (back.codes.dtype, back.labels.dtype, back.centroids.dtype) == (np.uint8, np.uint8, np.int8)


@settings(deadline=None)
@given(local_codes(), st.data())
def test_a_changed_byte_is_noticed(local, data):
    packed = bytearray(pack_local(local))
    place = data.draw(st.integers(0, len(packed) - 1))
    packed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DamagedFeatures):
        unpack_local(bytes(packed))


@settings(deadline=None)
@given(local_codes(), st.data())
def test_lost_and_added_bytes_are_noticed(local, data):
    packed = pack_local(local)
    with pytest.raises(DamagedFeatures):
        unpack_local(packed[: data.draw(st.integers(0, len(packed) - 1))])
    with pytest.raises(DamagedFeatures):
        unpack_local(packed + data.draw(st.binary(min_size=1, max_size=20)))


def test_local_codes_without_a_centroid_per_code_are_refused():
    local = LocalCodes(
        codes=np.zeros((4, 16), np.uint8),
        labels=np.zeros((2, 2), np.uint8),
        centroids=np.zeros((3, 128), np.int8),
        scale=1.0,
    )
    with pytest.raises(ValueError, match="cannot be stored"):
        pack_local(local)


def test_a_photo_takes_at_most_eight_kilobytes():
    made = features(1)
    assert made.alpha_code is not None
    assert made.local is not None
    assert len(pack_descriptor(made.alpha)) + made.alpha_code.nbytes + len(pack_local(made.local)) < 8192


@settings(deadline=None)
@given(arrays.arrays(np.float16, st.integers(1, 600), elements=st.floats(-1, 1, width=16)))
def test_descriptors_come_back_as_they_were(alpha):
    assert np.array_equal(unpack_descriptor(pack_descriptor(alpha)), alpha)


@pytest.mark.parametrize("data", [b"", b"odd"])
def test_a_descriptor_of_impossible_length_is_refused(data):
    with pytest.raises(DamagedFeatures):
        unpack_descriptor(data)


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=64), st.binary(min_size=1, max_size=64), st.data())
def test_the_checksum_covers_descriptor_and_code(alpha, code, data):
    place = data.draw(st.integers(0, len(alpha) - 1))
    changed = bytearray(alpha)
    changed[place] ^= data.draw(st.integers(1, 255))
    assert checksum(bytes(changed), code) != checksum(alpha, code)
    assert checksum(alpha, code) != checksum(alpha, None)
