"""tfpagan: auto-encoding GANs in TensorFlow 2.

Importing this package imports no TensorFlow; its modules do when they need it.
"""

__version__ = "0.1.0"
