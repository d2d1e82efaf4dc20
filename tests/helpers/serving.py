"""What the tests of the server share."""

SHAPE = (8, 8, 3)
"""Of the images that the tiny export takes."""
