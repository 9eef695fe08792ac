"""The files of the deployment's certs folder that anybody may have, and nothing else of it."""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path

CERTIFICATE = "application/x-x509-ca-cert"
# Path on the portal -> file, media type. `/ca.der` is made from ca.pem.
PUBLIC = {
    "/ca.pem": ("ca.pem", CERTIFICATE),
    "/ca.der": ("ca.pem", CERTIFICATE),
    "/bundle.pem": ("bundle.pem", "application/x-pem-file"),
    "/enroll.sh": ("enroll.sh", "text/plain; charset=utf-8"),
    "/enroll.ps1": ("enroll.ps1", "text/plain; charset=utf-8"),
}
LARGEST_BYTES = 4 * 1024 * 1024


class Files:
    """Reads the certs folder anew each time: a renewed certificate is there at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, path: str) -> bytes | None:
        """A public file by its path on the portal; None: it is not there, or not fit to be given away."""
        file, _ = PUBLIC[path]
        try:
            with (self._folder / file).open("rb") as opened:
                data = opened.read(LARGEST_BYTES + 1)
        except OSError:
            return None
        if len(data) > LARGEST_BYTES or b"PRIVATE KEY" in data:
            return None  # somebody put a key where only certificates belong
        return _der(data) if path == "/ca.der" else data

    def has(self, path: str) -> bool:
        return (self._folder / PUBLIC[path][0]).is_file()

    def fingerprint(self) -> str | None:
        """SHA-256 of the anchor as `sluiceway ca show` prints it: what people compare."""
        der = self.read("/ca.der")
        return None if der is None else hashlib.sha256(der).digest().hex(":").upper()


def _der(pem: bytes) -> bytes | None:
    begins, ends = pem.find(b"-----BEGIN CERTIFICATE-----"), pem.find(b"-----END CERTIFICATE-----")
    if begins < 0 or ends < begins:
        return None
    try:
        return ssl.PEM_cert_to_DER_cert(pem[begins : ends + len("-----END CERTIFICATE-----")].decode("ascii"))
    except ValueError:
        return None
