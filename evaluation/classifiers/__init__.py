"""Networks whose logits and features the metrics look at."""
