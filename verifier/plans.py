"""Whether the sagas that a batch's case file lists are those that people agreed to."""

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from verifier.archive import Archive

BATCH, SAGAS = "batch.json", "batch_sagas.json"
# What is hashed beside the sagas, as `compensation.batches.planning` pins it.
PINNED = ("intent", "step", "reason", "canary", "holds", "most_failures")
# Sagas that were no part of the plan.
UNPLANNED = {"chosen", "left"}


def check(archive: Archive, entries: Sequence[Any], wrong: list[str], proven: list[str]) -> None:
    """Adds to both lists; to none where there is no plan, or not all of its sagas are listed."""
    if SAGAS not in archive.names():
        return
    batch, listed = archive.json(BATCH), archive.json(SAGAS)
    try:
        agreed, is_whole = batch["plan_hash"], listed["is_whole"]
        made = digest(batch, listed["sagas"])
    except (KeyError, TypeError, ValueError):
        wrong.append(f"{BATCH} or {SAGAS} is not of the form that Amends writes")
        return
    if not agreed or not is_whole:
        return
    if made != agreed:
        wrong.append(f"the sagas in {SAGAS} are not those of the plan {agreed}")
        return
    told = [f"entry {entry['sequence']} ({entry['action']})" for entry in entries if _names(entry, agreed)]
    named = f", which is in the log as {', '.join(told)}" if told else ""
    proven.append(f"The sagas listed, with their revisions and plans, are the plan {agreed}{named}.")


def digest(batch: Any, sagas: Sequence[Any]) -> str:
    """The hash of a batch's plan, by `batch` and lines of `sagas` as a case file has them."""
    content = {
        "batch": batch["name"],
        **{name: batch[name] for name in PINNED},
        "sagas": [
            [one["saga"]["type"], one["saga"]["id"], one["revision"], one["plan_hash"]]
            for one in sagas
            if one["state"] not in UNPLANNED
        ],
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return sha256(text.encode()).hexdigest()


def _names(entry: Any, plan_hash: str) -> bool:
    """Whether an act of the log says that it was about this plan."""
    match entry:
        case {"sequence": int(), "action": str(), "after": {"plan_hash": str(named)}}:
            return named == plan_hash
    return False
