"""Filters that draw a sagas.timeline: numbers as SVG wants them, and which look a bar has."""

from django import template

from console import anchors
from sagas.timeline.shapes import Arrow, Bar
from sagas.vocabulary import StepState

register = template.Library()


@register.filter
def px(place: float) -> str:
    """A place or length, to a tenth of a unit."""
    return f"{place:.1f}".removesuffix(".0")


@register.filter
def curve(arrow: Arrow) -> str:
    begin, first, second, end = (f"{x:.1f} {y:.1f}" for x, y in arrow.points)
    return f"M{begin}C{first} {second} {end}"


@register.filter
def look(bar: Bar) -> str:
    """solid: it came to an end; hatched: it undoes, or nobody knows; soft: it goes on; ghost: not begun."""
    if bar.span.is_expected:
        return "ghost"
    if bar.span.is_back or bar.span.is_late or bar.span.outcome == StepState.TIMED_OUT:
        return "hatched"
    if bar.span.is_open or bar.span.outcome == StepState.SKIPPED:
        return "soft"
    return "solid"


@register.filter
def anchor(event: tuple[str, str]) -> str:
    """The id of the row of an event, which is known by source and id."""
    return anchors.of_event(*event)
