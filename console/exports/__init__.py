"""What a search finds of the audit log as a file: asked for by a person, written in the background."""

from console.exports.answer import answer
from console.exports.asking import ExportError, FinishedError, TooManyError, ask, cancel
from console.exports.files import NoFileError
from console.exports.writing import work

__all__ = [
    "ExportError",
    "FinishedError",
    "NoFileError",
    "TooManyError",
    "answer",
    "ask",
    "cancel",
    "work",
]
