from compensation.models.batch import Batch, BatchSaga, Review
from compensation.models.repair import ActionAttempt, Repair, RepairAction

__all__ = ["ActionAttempt", "Batch", "BatchSaga", "Repair", "RepairAction", "Review"]
