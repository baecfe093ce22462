"""Case files: all about one saga, repair or batch in a ZIP, which proves itself without Amends (verifier)."""

from console.casefiles.answer import of_batch, of_repair, of_saga

__all__ = ["of_batch", "of_repair", "of_saga"]
