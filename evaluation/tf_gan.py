"""tf-gan's functions, which the benchmarks and the tests compare ours with."""

import importlib
import importlib.util
import sys
from types import ModuleType

PACKAGES = ("tensorflow_gan", "tensorflow_gan.python", "tensorflow_gan.python.eval")


def load(name: str) -> ModuleType:
    """The module `tensorflow_gan.python.eval.NAME`, without what the packages around it import.

    They import all of tf-gan, which asks for `tf.estimator`, and TensorFlow has none after 2.15.
    """
    bare = [package for package in PACKAGES if package not in sys.modules]
    for package in bare:
        spec = importlib.util.find_spec(package)
        assert spec is not None, package  # setup.py requires it
        sys.modules[package] = importlib.util.module_from_spec(spec)
    try:
        return importlib.import_module(f"{PACKAGES[-1]}.{name}")
    finally:
        for package in bare:  # whoever imports them after us gets them whole
            del sys.modules[package]


classifier_metrics = load("classifier_metrics")
