from hypothesis import given
from hypothesis import strategies as st

from compensation.keys import LONGEST, of_effect

parts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def test_a_key_reads_as_what_it_names():
    assert of_effect("order", "o-1", "charge", "", "c1") == "order/o-1/charge/c1"
    assert of_effect("order", "o/1.2", "charge", "x", "c1") == "order/o%2F1%2E2/charge/x/c1"


@given(st.tuples(parts, parts, parts, parts), st.tuples(parts, parts, parts, parts))
def test_different_effects_have_different_keys(one: tuple[str, ...], other: tuple[str, ...]):
    assert (of_effect(*one, "c1") == of_effect(*other, "c1")) == (one == other)


@given(parts, st.text(st.characters(exclude_categories=["Cs"]), max_size=600))
def test_a_key_fits_a_header_and_a_column(saga_type: str, saga_id: str):
    key = of_effect(saga_type, saga_id, "step", "", "c1")
    assert len(key) <= LONGEST
    assert key.isascii()
    assert key.isprintable()
    assert " " not in key
    assert "." not in key
    assert key.endswith("/c1")
