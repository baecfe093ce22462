"""Writes a definition from what was seen of a saga type: YAML that loads as it is, its doubts in comments."""

from sagas.describing.observing import Seen, observe
from sagas.describing.payloads import Suggestions, suggest
from sagas.describing.sampling import MOST_SAGAS, Description, describe
from sagas.describing.writing import write

__all__ = ["MOST_SAGAS", "Description", "Seen", "Suggestions", "describe", "observe", "suggest", "write"]
