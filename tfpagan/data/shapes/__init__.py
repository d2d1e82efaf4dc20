"""`shapes`: coloured shapes over textures, drawn in seconds, for trying things out without a download."""
