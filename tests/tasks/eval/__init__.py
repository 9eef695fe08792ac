"""The labelled prompts, the training of the weights that ship, and what they achieve."""
