"""The sluiceway.yaml that `init` writes: every setting with its default and what it is for."""

from __future__ import annotations

STARTER = """\
# Sluiceway's settings. Every line shows its default; delete what you do not change.
# Relative paths start at this file. A change here takes effect at the next start of `sluiceway serve`;
# what is under rules/ at `sluiceway reload`.

listeners:
  # Where clients connect. Credentials cross the network readable on a plain listener: keep it on
  # loopback, or use TLS on a network. `tls: auto` serves a certificate for public_url, made at init.
  - {address: 127.0.0.1:8080}
  # - {address: 0.0.0.0:8443, tls: auto}
  # - {address: 0.0.0.0:8443, tls: {cert: proxy.pem, key: proxy-key.pem}}

# What employees' proxy URLs and the portal show: the name and port by which machines reach a listener.
public_url: http://127.0.0.1:8080

# Base-URL mode, for clients that cannot use a proxy, for example {listen: 127.0.0.1:8081}.
gateway: {listen: null}

# The operators' port, without credentials, so best on loopback: /healthz, /readyz, /metrics (Prometheus).
operate: {listen: null}      # for example {listen: 127.0.0.1:9464}

# Ways in for clients that send no proxy credentials; weaker than a token, so off. A person's port is as
# good as who can reach it: {address: 127.0.0.1, first: 18100, last: 18199}. A lease takes whoever comes from
# an address for its holder, so not behind NAT or a load balancer: {max_hours: 12, networks: [10.0.0.0/8]}.
identity: {ports: null, leases: null}

# The portal, http://sluiceway.internal/: what its PAC file sends where. `no_proxy`: internal domains and
# networks that machines reach without the proxy, beside private networks; `pac_others`: proxy or direct,
# for hosts that are no AI hosts.
portal: {no_proxy: [], pac_others: proxy}

# Everything that is kept, in one SQLite file.
store: sqlite:///sluiceway.db

rules: rules/
certs: certs/

upstream:
  trusted_ca: null      # a CA file to trust for providers, besides the public roots
  connect_to: {}        # as curl's: {"api.anthropic.com:443": "127.0.0.1:9443"}; "*:443" matches every host
  proxy: null           # a parent corporate proxy, http://host:port

egress:
  # Private, loopback, link-local and cloud-metadata addresses are refused unless listed here:
  # host names, networks such as 10.1.0.0/16, or "private" for all private networks.
  allow: []
  ports: [443, 80]

drain_timeout_s: 30     # how long streams in flight may finish after SIGTERM
retention: {ledger_days: 400, discovery_days: 90}

# Where alerts of budgets and loops go. `names: true` on one of them names people in it.
alerts: []              # for example [{webhook: "https://hooks.corp.example/ai"}, {file: alerts.jsonl}]

# Teams with fewer active people are told together in every report; `report --min-group` can only raise it.
report: {min_group: 1}  # for example {min_group: 5}

limits:
  body_bytes: 33554432
  header_bytes: 65536
  connections_per_principal: 200

timeouts:
  connect_s: 10
  first_byte_s: 300     # an answer that is not streamed starts when the model is done; some think for minutes
  idle_s: 300           # the longest silence inside an answer

guard:                  # where rules/policy/ has guard rules: long requests are scanned in other processes
  workers: 1
  deadline_s: 2.0       # then the request is refused, or passes where the rules only detect

wait_s: 30              # how long a request waits while a cap's money is reserved, not spent, by others
contact: null           # whom a refused employee should ask, for example "#ai-platform"
watch_rules: true       # edited rules are taken up by themselves; false: only by `sluiceway reload`
time_zone: UTC          # where the days, weeks and months of budgets begin, for example Europe/Berlin
"""


def starter() -> str:
    """The text of a new sluiceway.yaml. It loads to exactly the defaults."""
    return STARTER
