"""What a deployment is told from outside: sluiceway.yaml, the providers, and how YAML files are read."""
