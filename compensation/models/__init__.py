from compensation.models.batch import Batch, BatchSaga, Pace, Review
from compensation.models.repair import ActionAttempt, Repair, RepairAction

__all__ = ["ActionAttempt", "Batch", "BatchSaga", "Pace", "Repair", "RepairAction", "Review"]
