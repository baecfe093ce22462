"""What our own pure code raises where it is wrong about one thing it was given.

Caught only where one saga or problem must not keep the others waiting, logged there with its traceback, and
never around anything that touches the world: a lost database, a full disk or a kill is not among them.
"""

import msgspec

MISTAKES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    msgspec.MsgspecError,
)
