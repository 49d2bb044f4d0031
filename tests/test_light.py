"""Stored values to light and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from inr_deblur.errors import InputError
from inr_deblur.light import curve, in_light

names = st.one_of(
    st.sampled_from(["auto", "linear", "srgb", "gamma:2.2"]), st.floats(0.2, 5).map("gamma:{:.3f}".format)
)
pictures = arrays(np.float32, (4, 5, 3), elements=st.floats(0, 1, width=32))


@given(names, pictures)
def test_there_and_back_is_the_same_in_sixteen_bits(name, values):
    there = curve(name)
    back = there.to_stored(there.to_light(values))
    assert back.dtype == np.float32
    assert back.min() >= 0 and back.max() <= 1 + 1e-6
    # a high power squeezes the darkest values, float32 has 24 bits of them
    np.testing.assert_allclose(back, values, atol=0.2 / 65535 if name in ("auto", "linear", "srgb") else 2e-5)


@given(names)
def test_black_white_and_order_are_kept(name):
    values = np.linspace(0, 1, 256, dtype=np.float32)
    light = curve(name).to_light(values)
    assert light[0] == 0 and light[-1] == pytest.approx(1, abs=1e-6)
    assert (np.diff(light) >= 0).all()


def test_srgb_by_the_standard():
    light = curve("srgb").to_light(np.asarray([0.02, 0.04045, 0.5], np.float32))
    np.testing.assert_allclose(light, [0.02 / 12.92, 0.0031308, 0.21404], rtol=1e-4)


@pytest.mark.parametrize("name", ["gamma:", "gamma:x", "gamma:0", "gamma:-1", "gamma:nan", "sRGB", "gama:2"])
def test_another_name_is_refused(name):
    with pytest.raises(InputError, match="light"):
        curve(name)


@given(names, st.floats(0.1, 0.9), st.floats(1e-4, 3e-3))
def test_a_deviation_goes_with_the_slope_of_the_curve(name, value, deviation):
    stored = np.full((3, 4), value)
    light = curve(name)
    high, low = light.to_light(stored + deviation), light.to_light(stored - deviation)
    assert in_light(deviation, stored, light) == pytest.approx((high - low).mean() / 2, rel=1e-2)


def test_a_deviation_of_values_as_stored_is_as_it_was():
    assert in_light(0.01, np.linspace(0, 1, 20).reshape(4, 5), curve("auto")) == pytest.approx(0.01)
