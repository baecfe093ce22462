"""A definition drawn for both widths of screens."""

from dataclasses import dataclass

from sagas import graph
from sagas.definitions import Definition


@dataclass(frozen=True, slots=True)
class Graph:
    wide: graph.Drawing
    narrow: graph.Drawing


def of(definition: Definition) -> Graph | None:
    """None where there is nothing to draw, or too much for a picture."""
    wide, narrow = graph.lay_out(definition, graph.ACROSS), graph.lay_out(definition, graph.DOWN)
    return Graph(wide, narrow) if wide and narrow else None
