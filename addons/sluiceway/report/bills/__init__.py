"""A provider's own usage and cost exports beside the ledger: read as a stream, compared, explained."""
