from compensation.models.batch import Batch, BatchSaga, Pace, Review
from compensation.models.policy import DefaultPolicy
from compensation.models.repair import ActionAttempt, Repair, RepairAction

__all__ = ["ActionAttempt", "Batch", "BatchSaga", "DefaultPolicy", "Pace", "Repair", "RepairAction", "Review"]
