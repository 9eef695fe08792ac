"""What a route may do, one file each: a model of what people write, with a pure `apply`.

`deny`, `to`, `choose`, `split` and `degrade` say where a request goes; `failover` where it goes next;
`mirror` who gets a copy.
"""

from sluiceway.policy.kinds.actions.choose import Choose
from sluiceway.policy.kinds.actions.degrade import Degrade
from sluiceway.policy.kinds.actions.deny import Deny
from sluiceway.policy.kinds.actions.failover import Hop
from sluiceway.policy.kinds.actions.mirror import Mirror
from sluiceway.policy.kinds.actions.split import Share
from sluiceway.policy.kinds.actions.to import To

__all__ = ["Choose", "Degrade", "Deny", "Hop", "Mirror", "Share", "To"]
