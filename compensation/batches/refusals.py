"""Why nothing was done about a batch; each as text is what a person is told."""

from compensation.models import Batch
from compensation.refusals import RepairError


class NothingChosenError(RepairError):
    def __init__(self) -> None:
        super().__init__("No saga matches, so there is nothing to plan.")


class TooManyError(RepairError):
    def __init__(self, most: int) -> None:
        super().__init__(f"More than {most:,} sagas match. Narrow the filter, and plan the rest after these.")


class NotSoError(RepairError):
    """The batch is not in a state in which this can be done: somebody else was faster."""

    def __init__(self, batch: Batch, wanted: str) -> None:
        self.batch = batch
        super().__init__(f"{batch} is {batch.state} now, so it cannot be {wanted}. Look again.")


class OtherPlanError(RepairError):
    """What was looked at is not what is planned now."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        super().__init__(f"{batch} was planned anew since you looked. Look at the new plan.")


class CountMissingError(RepairError):
    """A large batch is confirmed by typing how many sagas it is about."""

    def __init__(self, count: int) -> None:
        self.count = count
        super().__init__(f"Type the number of sagas, {count}, to say that you mean all of them.")


class MayNotAgreeError(RepairError):
    """Four eyes: whoever planned it does not agree to it, nor does who is in none of the groups."""


class NotAskedError(RepairError):
    def __init__(self, batch: Batch) -> None:
        super().__init__(f"Nobody has to agree to {batch}: start it.")


class NotAgreedError(RepairError):
    """`batch.requirement` says who must."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        super().__init__(f"Others must agree to {batch} before it is started: ask them.")


class ExpiredError(RepairError):
    def __init__(self, batch: Batch) -> None:
        super().__init__(f"The time in which {batch} could be agreed to and started is over: ask again.")
