"""The store: ledger, hard budgets, people. The only room that knows SQL."""

from sluiceway.store.directory import Directory
from sluiceway.store.events import Event
from sluiceway.store.grants import Lease, PortGrant
from sluiceway.store.people import Person, Token
from sluiceway.store.records import Answer, Busy, Discrepancy, Granted, Reservation, Spent, Want
from sluiceway.store.store import Store

__all__ = [
    "Answer",
    "Busy",
    "Directory",
    "Discrepancy",
    "Event",
    "Granted",
    "Lease",
    "Person",
    "PortGrant",
    "Reservation",
    "Spent",
    "Store",
    "Token",
    "Want",
]
