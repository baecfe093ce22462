"""Texts that fit."""

import html

import hypothesis
from hypothesis import given
from hypothesis import strategies as st

from sagas.alerts.wording import UNSEEN, fit, harmless


@hypothesis.settings(max_examples=50)
@given(st.text(max_size=80), st.integers(1, 60), st.sampled_from([str, html.escape]))
def test_a_text_fits_once_it_is_escaped(text: str, longest: int, escape: type[str]) -> None:
    fitting = fit(text, longest, escape)
    assert len(fitting) <= longest
    assert not UNSEEN.search(fitting)
    whole = escape(" ".join(UNSEEN.sub(" ", text).split()))
    assert fitting == whole or (fitting.endswith("…") and whole.startswith(fitting[:-1]))


@hypothesis.settings(max_examples=50)
@given(st.text(max_size=80, alphabet="@everyonhl <>[](!|)&x"))
def test_harmless_text_stays_harmless(text: str) -> None:
    quiet = harmless(text)
    assert not [one for one in ("<", ">", "](", "@everyone ", "@here ") if one in quiet]
    assert harmless(quiet) == quiet
