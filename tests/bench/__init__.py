"""What Sluiceway costs, as ratios to stock mitmdump on one simulated provider: `python -m tests.bench`."""
