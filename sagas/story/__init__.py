"""What happened to a saga, in two or three plain sentences; and a problem in a few words. Pure."""

from sagas.story.parts import Part, PartKind, Sentence, plain
from sagas.story.silence import rhythm
from sagas.story.telling import tell
from sagas.story.titles import explanation, title

__all__ = ["Part", "PartKind", "Sentence", "explanation", "plain", "rhythm", "tell", "title"]
