"""TensorFlow 2.15 and 2.21 give the same numbers, and read each other's runs and exports: tests/stacks/record.py wrote them."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from stacks import record

from tfpagan.objectives import OBJECTIVES

Values = dict[str, np.ndarray]


@pytest.fixture(scope="module", params=record.STACKS)
def stack(request: pytest.FixtureRequest) -> Path:
    return record.HERE / request.param


@pytest.fixture(scope="module")
def expected(stack: Path) -> Values:
    with np.load(stack / "expected.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Values]:
    folder = tmp_path_factory.mktemp("run")
    return folder, record.trained(folder)


def test_both_are_recorded() -> None:
    assert record.STACKS == ["tensorflow_2_15", "tensorflow_2_21"]


def test_random_numbers_are_the_same_bits(expected: Values) -> None:
    found = record.random_numbers()
    np.testing.assert_array_equal(found["uniform"], expected["uniform"])
    np.testing.assert_allclose(found["normal"], expected["normal"], rtol=1e-6)


@pytest.mark.parametrize("system", OBJECTIVES)
def test_gradients_of_a_step_agree_to_1e_5(system: str, expected: Values) -> None:
    found = record.gradients_of(system)
    assert len(found) >= 4
    for key, sums in found.items():
        size = expected[key.replace("gradient/", "size/")]
        assert size.max() > 0, key
        np.testing.assert_array_less(np.abs(sums - expected[key]), 1e-5 * size + 1e-12, err_msg=key)


def test_scores_of_the_same_images_agree_to_1e_6(expected: Values, tmp_path: Path) -> None:
    found = record.scores(tmp_path)
    assert set(found) == {key for key in expected if key.startswith("score/")}
    for key, score in found.items():
        assert score == pytest.approx(float(expected[key]), rel=1e-6, abs=1e-9), key


def test_losses_of_twenty_steps_agree_to_1e_4(trained: tuple[Path, Values], expected: Values) -> None:
    np.testing.assert_allclose(trained[1]["losses"], expected["losses"], rtol=1e-4)


def test_checkpoints_have_the_same_names_and_shapes(trained: tuple[Path, Values], stack: Path) -> None:
    written, stored = (dict(tf.train.list_variables(str(run / "ckpt"))) for run in (trained[0], stack / "run"))
    assert len(stored) > 100
    assert written == stored


def test_a_run_of_either_encodes_and_samples_as_it_did(stack: Path, expected: Values) -> None:
    for key, found in record.answers_of_run(stack / "run").items():
        np.testing.assert_allclose(found, expected[key], rtol=1e-5, atol=1e-6, err_msg=key)


def test_an_export_of_either_answers_as_it_did(stack: Path, expected: Values) -> None:
    answers = record.answers_of_export(stack / "export")
    assert len(answers) >= 3
    for key, found in answers.items():
        np.testing.assert_allclose(found, expected[key], rtol=1e-5, atol=1e-6, err_msg=key)
