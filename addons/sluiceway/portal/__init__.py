"""The portal, http://sluiceway.internal/: what a machine needs to use Sluiceway, and what a person may know.

It turns a request (types.Asked) into a page (types.Page) and does no networking: the front brings requests
here and carries the answers back.
"""

from sluiceway.portal.notices import LoggedNotices, NoNotices, Notices
from sluiceway.portal.portal import Portal, PortalParts

__all__ = ["LoggedNotices", "NoNotices", "Notices", "Portal", "PortalParts"]
