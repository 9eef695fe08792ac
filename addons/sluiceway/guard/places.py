"""Places."""
PLACES=()
