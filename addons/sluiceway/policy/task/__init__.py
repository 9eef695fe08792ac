"""What sort of work a request is: coding, reasoning, creative or other (docs/task-types.md)."""

from sluiceway.policy.task.classify import classify
from sluiceway.policy.task.kinds import KINDS, UNKNOWN, Kind
from sluiceway.policy.task.signals import Signals, Task, signals

__all__ = ["KINDS", "UNKNOWN", "Kind", "Signals", "Task", "classify", "signals"]
