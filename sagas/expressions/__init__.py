"""Expressions in CEL (Common Expression Language), as definitions hold them: compiled, checked, bounded.

CEL has no loops but over what is given to it, no clock and no way out: an expression is a function of its
variables. What is left to guard against is one that grows or takes long (`sagas.expressions.bounds`).
"""

from sagas.expressions.compiling import Expression, compile
from sagas.expressions.errors import EvaluationError, ExpressionError
from sagas.expressions.values import Values

__all__ = ["EvaluationError", "Expression", "ExpressionError", "Values", "compile"]
