"""Alerts: what budgets and loops give reason to tell, in which words, by which channels, each once."""
