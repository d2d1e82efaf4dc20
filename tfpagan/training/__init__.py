"""From a configuration to a trained run: gradients, one update, the loop, and what happens between its pieces."""
