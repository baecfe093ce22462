"""Filters that draw a sagas.graph: outlines and arrows as SVG wants them."""

from collections.abc import Mapping, Sequence

from django import template

from console.templatetags.timelines import px
from sagas.graph.shapes import Drawing, Point

register = template.Library()


@register.filter
def outline(points: Sequence[Point]) -> str:
    """For a polygon."""
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


@register.filter
def curves(points: Sequence[Point]) -> str:
    """A path: a point, then curves of three points each."""
    begin, *rest = (f"{x:.1f} {y:.1f}" for x, y in points)
    return f"M{begin}C{' '.join(rest)}"


# Units, which are about pixels: what a phone shows in full, and what a page does when it is shrunk a little.
SLIM, BROAD = (1, 380), (761, 1340)


@register.filter
def fit(drawing: Drawing) -> str:
    """How it takes its room: slim, broad, or as it is."""
    for name, (least, most) in {"slim": SLIM, "broad": BROAD}.items():
        if least <= drawing.width <= most:
            return name
    return "as-is"


@register.filter
def of(words: Mapping[str, str] | None, name: str) -> str:
    """The word that stands for this name; empty where none does."""
    return words.get(name, "") if words else ""


@register.filter
def add_px(place: float, by: float) -> str:
    """A place or length so much further, to a tenth of a unit."""
    return px(float(place) + by)
