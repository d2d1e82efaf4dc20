"""What tests share: the smallest real things, slow oracles, and what compares."""
