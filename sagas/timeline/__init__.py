"""A saga's events and steps as lanes, bars, arrows and ticks. Pure: it draws nothing, templates do.

`told` and `spans` say what happened when, `scale` turns times into places, `words` says it, `layout` and
`rows` give it room.
"""

from sagas.timeline.layout import lay_out
from sagas.timeline.shapes import NARROW, WIDE, Frame, Mode, Timeline

__all__ = ["NARROW", "WIDE", "Frame", "Mode", "Timeline", "lay_out"]
