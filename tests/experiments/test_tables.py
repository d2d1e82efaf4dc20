"""Tables: their rows, the papers' numbers, the deviations, and what a page of them shows."""

import dataclasses
import fnmatch
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers.outcomes import outcome

from tfpagan.config import presets
from tfpagan.experiments import report, systems, tables
from tfpagan.experiments.experiment import Experiment, Outcome, critic_beside
from tfpagan.experiments.table import Deviation, Row, Table
from tfpagan.images import write_png
from tfpagan.losses.adversarial import DIVERGENCES
from tfpagan.objectives import OBJECTIVES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", tables.TABLES)
def test_every_row_of_every_table_is_a_run_that_can_be_made(name: str) -> None:
    table = tables.TABLES[name]
    assert all(experiment.config.training.train_steps > 0 for experiment in table.experiments)
    assert all(set(row.paper) <= set(table.columns) for row in table.rows)
    names = [experiment.name for experiment in table.experiments]
    assert len(names) == len(set(names))
    assert not [row.name for row in table.rows if "," in row.name]  # --rows takes a list with commas
    assert all(
        row.paper for row in table.rows if not row.experiment and row.name != "PixelCNN++"
    )  # its table was not available


def test_pagans_tables_have_every_row_of_the_papers() -> None:
    for name, rows in {
        "pagan_1": "WAE-GAN ALI AGE ALICE S-VAE alpha-GAN AS-VAE PD-WGAN PAGAN",
        "pagan_2": "AUG VAE SVAE AGE PAGAN",
        "pagan_3": "PAGAN PAGAN-L1 PAGAN-NOAUG",
    }.items():
        assert [row.name for row in tables.TABLES[name].rows] == rows.split()
    papers = {row.name: row.paper for row in tables.PAGAN_2.rows}
    assert (papers["SVAE"], papers["PAGAN"]["RMSE"]) == ({"RMSE": "8.59", "RID": "38.13 ± 1.92"}, "8.12")


def test_the_systems_tables_have_every_system() -> None:
    objectives = [experiment.config.objective for experiment in tables.TABLES["systems_cifar10"].experiments]
    assert {objective.name for objective in objectives} == set(OBJECTIVES)
    made = [getattr(objective, "divergence", "") for objective in objectives]
    assert set(made) - {""} == set(DIVERGENCES)


def test_the_tables_of_age_and_as_vae_have_the_papers_numbers() -> None:
    papers = {name: {row.name: dict(row.paper) for row in tables.TABLES[name].rows} for name in tables.TABLES}
    nats = {row: float(paper["log p(x) nats"]) for row, paper in papers["age_mnist"].items()}
    assert nats == {"AGE": 746.0, "ALI": 721.0, "VAE": 705.375, "GAN": 346.679}
    assert all(e.config.networks.latent_dim == 10 for e in tables.AGE_MNIST.experiments)
    assert papers["age_cifar10"]["AGE"] == {"IS": "5.90 ± 0.04"}
    assert papers["as_vae_mnist"]["normalizing flow"] == {"NLL nats": "85.1"}
    assert papers["as_vae_cifar10"]["AS-VAE"] == {"IS": "6.3"}
    own = ["AS-VAE", "AS-VAE-r", "AS-VAE-g"]
    assert list(papers["as_vae_cifar10"]) == [*own, "ALI", "DCGAN", "VAE", "PixelCNN++", "PixelRNN"]
    assert list(papers["as_vae_imagenet"]) == [*own, "DCGAN", "PixelCNN++", "PixelRNN"]
    datasets = {e.config.data.dataset for e in tables.TABLES["as_vae_imagenet"].experiments}
    assert datasets == {"imagenet_resized/64x64"}


def test_rows_of_pagans_tables_are_its_presets() -> None:
    for name in ("pagan_1", "pagan_3", "pagan_4", "pagan_5", "as_vae_mnist"):
        assert all(experiment.preset in presets.PRESETS for experiment in tables.TABLES[name].experiments)


def test_a_table_shows_the_critic_beside_the_model_of_the_last_step(tmp_path: Path) -> None:
    rows = [{"step": 10, "critic/held_out": 5.0}, {"step": 20, "loss/generator": 1.0}, {"step": 20, "critic/held_out": 2.5}]
    assert critic_beside(tmp_path, 20) is None
    (tmp_path / "metrics.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    assert [critic_beside(tmp_path, step) for step in (10, 20, 30)] == [-5.0, -2.5, None]
    made = dataclasses.replace(outcome("a"), critic_beside=-2.5)
    assert [report.cell("critic beside", o) for o in (made, outcome("a"))] == ["-2.500", "-"]


def test_a_table_has_ours_the_papers_and_failures_as_failures() -> None:
    table = Table(
        "T",
        tuple(Row(n, Experiment(n, "", {}), {"FID": "32.84"} if n == "a" else {}) for n in ("a", "b")),
        ("IS", "FID", "class kept", "codes", "images/s", "CPU min"),
        "somewhere else",
    )
    a = outcome(
        "a",
        classifier_score_mean=2.0,
        classifier_score_std=0.25,
        frechet_classifier_distance=12.345,
        class_kept=0.914,
        latent_variance_of_means=0.4,
        latent_mean_of_variances=0.025,
    )
    lines = report.markdown(table, [a, outcome("b", "loss/x is not finite")], {"images": 320, "channels": ""}).splitlines()
    assert lines[4] == "| a | 2.000 ± 0.250 | 12.35 (32.84) | 91.4 % | 0.400 + 0.025 | 431.2 | 2.500 |"
    assert lines[5] == "| b | failed | failed | failed | failed | 431.2 | 2.500 |"
    assert "Ours: images 320." in lines
    assert "- b failed: loss/x is not finite" in lines
    assert any("classifier_checksum c0ffee" in line for line in lines)
    assert any("somewhere else" in line for line in lines)
    assert any("do not compare with published ones" in line for line in lines)


def test_a_baseline_that_is_not_implemented_has_the_papers_numbers_alone() -> None:
    rows = (Row("PD-WGAN", None, {"FID": "33.0"}), Row("a", Experiment("a", "", {}), {"FID": "32.84"}))
    table, made = Table("T", rows, ("IS", "FID")), [outcome("a", frechet_classifier_distance=12.345)]
    assert report.markdown(table, made, {}).splitlines()[4:6] == [
        "| PD-WGAN (paper only) | - | - (33.0) |", "| a | - | 12.35 (32.84) |",
    ]  # fmt: skip
    told = json.loads(report.as_json(table, made, {}))["rows"]
    assert [(row["name"], row["run"], row["paper"]) for row in told] == [
        ("PD-WGAN", None, {"FID": "33.0"}), ("a", "a", {"FID": "32.84"}),
    ]  # fmt: skip


def test_a_table_says_once_which_settings_are_not_the_papers_and_why() -> None:
    shared = Deviation((), {"channels": 8, "ema_decay": 0.99}, "it is cheap")
    own = {"a": Deviation(("a",), {"seed": 0}, "luck"), "b": Deviation(("b",), {"seed": 1}, "luck")}
    rows = [Row(n, Experiment(n, "", {}), deviations=(shared, deviation)) for n, deviation in own.items()]
    lines = report.markdown(Table("T", tuple(rows), ("FID",)), [outcome("a"), outcome("b")], {}).splitlines()
    first = lines.index("Settings that are not the papers', and why:") + 2
    assert lines[first:] == [
        "- all: `--channels=8 --ema_decay=0.99`: it is cheap", "- a: `--seed=0`: luck", "- b: `--seed=1`: luck",
    ]  # fmt: skip


@pytest.mark.parametrize("dataset", systems.DEVIATIONS)
def test_a_deviation_names_rows_and_its_row_has_its_settings(dataset: str) -> None:
    rows = {row.name: row for row in systems.table(dataset).rows}
    for deviation in systems.DEVIATIONS[dataset]:
        assert all(fnmatch.filter(rows, pattern) for pattern in deviation.of), deviation
        for name in filter(deviation.is_of, rows):
            own = rows[name].experiment.settings
            assert {key: own[key] for key in deviation.settings} == deviation.settings, name
            assert own["validation_images"] > 0


@pytest.mark.parametrize("dataset", systems.DEVIATIONS)
def test_the_page_of_a_data_set_has_the_deviations_of_its_rows(dataset: str) -> None:
    before, table = "Settings that are not the papers', and why:", systems.table(dataset)
    page = (ROOT / "docs" / f"systems_{dataset}.md").read_text().partition(before)[2].partition("## ")[0]
    made = report.markdown(table, [Outcome(e, {}) for e in table.experiments], {}).partition(before)[2]
    assert page.split() == made.split()


def test_a_page_shows_the_upper_halves_of_the_last_pictures_and_says_what_they_are(tmp_path: Path) -> None:
    picture = np.arange(64 * 32 * 3, dtype=np.uint8).reshape(64, 32, 3)
    for run, kind, step in (("a", "samples", 9), ("a", "samples", 10), ("a", "reconstructions", 10), ("b", "samples", 10)):
        (tmp_path / run / kind).mkdir(parents=True, exist_ok=True)
        write_png(picture * (step == 10), str(tmp_path / run / kind / f"step_{step:08d}.png"))
    table = Table("T", tuple(Row(n, Experiment(n, "", {})) for n in "abc"), ())
    sections = report.page(table, [outcome(n) for n in "abc"], tmp_path, tmp_path / "page").split("## ")[1:]
    assert [section.split()[0] for section in sections] == ["a", "b"]
    assert "samples; test images in odd columns" in sections[0]
    assert "(page/a_samples.png) ![reconstructions of a](page/a_reconstructions.png)" in sections[0]
    assert "reconstructions" not in sections[1]
    np.testing.assert_array_equal(tf.io.decode_png((tmp_path / "page/a_samples.png").read_bytes()), picture[:32])


def test_numbers_of_the_official_classifier_go_into_the_same_columns() -> None:
    assert report.value_of("FID", outcome("a", frechet_inception_distance=3.5)) == (3.5,)
    assert report.value_of("IS", outcome("a")) == (None,)
