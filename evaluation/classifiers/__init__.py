"""Networks whose logits and features metrics use."""
