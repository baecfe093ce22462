"""Masks: what a definition says is nobody's business is replaced by one mark wherever it would be seen.

What is stored, folded, judged and sent stays clear. Masks are put on the way out, by the newest definition of
the saga type, so that one that is added later hides what came before it, too.
"""

from sagas.masking.masks import NOTHING, Masks
from sagas.masking.reading import in_force, of
from sagas.masking.text import MASK, mask

__all__ = ["MASK", "NOTHING", "Masks", "in_force", "mask", "of"]
