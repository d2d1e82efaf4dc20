"""Metadata and dependencies; the files in constraints/ hold the exact versions that the tests run with.

There are two stacks, which the version of Python chooses: TensorFlow 2.15, the last with Keras 2 inside and the last that
tensorflow-addons knows, and TensorFlow 2.21 with Keras 2 beside it. docs/stacks.md compares them.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
REFERENCE = [  # Python 3.10 and 3.11
    "tensorflow>=2.15,<2.16",
    "tensorflow-addons>=0.23,<0.24",
    "tensorflow-probability>=0.23,<0.24",  # comes with tensorflow-gan; 0.25 refuses TensorFlow 2.15
    "tensorflow-metadata>=1.14,<1.17",  # comes with tensorflow-datasets; later ones need protobuf 6
    "tensorflow-serving-api>=2.15,<2.16",  # the requests that an export warms up with
    "tf-keras>=2.15,<2.16",  # comes with tensorflow-hub; later ones need a later TensorFlow
    "numpy>=1.23,<2",
    "matplotlib>=3.9,<3.11",  # the box plots of bin/sweep; 3.11 needs Python 3.11
    "scikit-learn>=1.3,<1.7",  # the linear classifiers of bin/probe
]
CURRENT = [  # Python 3.12 and 3.13
    "tensorflow>=2.21,<2.22",
    "tensorflow-probability>=0.25,<0.26",
    "tensorflow-metadata>=1.21,<1.22",
    "tensorflow-serving-api>=2.21,<2.22",
    "tf-keras>=2.21,<2.22",  # Keras 2
    "tensorboard>=2.20,<2.22",  # TensorFlow no longer brings it
    "numpy>=2",
    "matplotlib>=3.10",
    "scikit-learn>=1.6",
]
DOCS = ["mkdocs-material>=9.5,<10", "mkdocstrings[python]>=0.27"]
NOTEBOOK = ["ipykernel>=6", "nbclient>=0.9", "nbformat>=5"]
ONNX = [
    "onnx>=1.14,<1.18; python_version < '3.12'",  # later ones need a later ml_dtypes than TensorFlow 2.15 takes
    "onnx>=1.18; python_version >= '3.12'",
    "tf2onnx>=1.16,<2",
    "onnxruntime>=1.17",
]
RAY = ["ray[client,tune]>=2.40,<3", "pandas>=2"]

setup(
    name="tfpagan",
    version=re.search(r'__version__ = "(.+)"', HERE.joinpath("tfpagan", "version.py").read_text(encoding="utf-8"))[1],
    description="Auto-encoding GANs in TensorFlow 2: Pairwise Augmented GAN and its relatives under one loop.",
    long_description=HERE.joinpath("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: GPU",
        "Intended Audience :: Science/Research",
        "License :: OSI Approved :: Apache Software License",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 14)),
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=["tfpagan", "tfpagan.*"]),  # evaluation/ is in it as tfpagan.evaluation, by a link
    package_data={
        "tfpagan": ["py.typed"],
        "tfpagan.serving": ["page/*"],
        "tfpagan.zoo": ["models/**/*"],
        "tfpagan.evaluation.classifiers.trained": ["*/**/*"],
    },
    install_requires=[
        *(f"{requirement}; python_version < '3.12'" for requirement in REFERENCE),
        *(f"{requirement}; python_version >= '3.12'" for requirement in CURRENT),
        "tensorflow-gan>=2.1,<2.2",
        "tensorflow-datasets>=4.9.4,<4.10",
        "tensorflow-hub>=0.16,<0.17",
        "etils<1.14; python_version < '3.11'",  # pip 23 finds no way through the later ones' extras
        "setuptools<82",  # tensorflow-hub imports pkg_resources
        "importlib_resources",  # tensorflow-datasets imports it without saying so
        "absl-py>=1.4",
        "cheroot>=10",  # bin/serve, with Werkzeug, which comes with TensorBoard
        "werkzeug>=3,<4",
        "grpcio>=1.48",  # comes with tensorflow-serving-api
        "pillow>=10.1",  # GIF, which TensorFlow cannot write
        "scipy>=1.10",  # ranks in bin/sweep; tensorflow-datasets reads svhn_cropped with it
        "tqdm>=4.60",
    ],
    extras_require={
        "gpu": [
            "tensorflow[and-cuda]>=2.15,<2.16; python_version < '3.12'",
            "tensorflow[and-cuda]>=2.21,<2.22; python_version >= '3.12'",
        ],
        "bench": ["torch>=2.4,<2.6"],  # benchmarks/; its Adam is fused on CPUs from 2.4 on
        "docs": DOCS,  # make docs
        "notebook": NOTEBOOK,  # docs/tour.ipynb
        "onnx": ONNX,  # bin/export --format=onnx
        "ray": RAY,  # bin/sweep and bin/reproduce with --cluster or --asha
        "test": [
            *DOCS,
            *NOTEBOOK,
            *ONNX,
            *RAY,
            "kubernetes-validate>=1.31",  # the schemas of docs/cluster/
            "pytest>=7.4",
            "pytest-xdist>=3.5",
            "selenium>=4.20",
            "ruff>=0.9",
            "mypy>=1.13",
            "import-linter>=2.1,<3",
        ],
    },
    entry_points={"console_scripts": ["tfpagan = tfpagan.cli:main"]},
)
