"""Proofs under load: processes of their own, many clients, kill -9. Short forms run inside the test suite."""
