"""A definition as a drawing: steps as boxes in the order of their waiting, and how each is undone (pure)."""

from sagas.graph.layout import lay_out
from sagas.graph.shapes import ACROSS, DOWN, MOST_STEPS, Box, Drawing, Edge, Frame, Line

__all__ = ["ACROSS", "DOWN", "MOST_STEPS", "Box", "Drawing", "Edge", "Frame", "Line", "lay_out"]
