"""The local stack behind `make run`: databases, web, worker, beat and the demo under one supervisor."""
