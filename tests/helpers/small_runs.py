"""Flags of runs and evaluations that take seconds: small images, few layers, few steps."""

import json

import pytest

PX = 16
# Few layers, which are traced sooner.
LAYERS = ["--objective=vae", "--architecture=color_mnist", "--channels=8", "--latent_dim=4"]
SIZES = [*LAYERS, f"--image_size={PX}", "--batch_size=4", "--train_steps=4"]


def printed(capsys: pytest.CaptureFixture[str]) -> dict:
    return json.loads(capsys.readouterr().out)
