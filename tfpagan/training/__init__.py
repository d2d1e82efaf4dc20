"""From a configuration to a trained run: gradients, one update, the loop, and its hooks."""
