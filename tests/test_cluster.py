"""The recipes of docs/cluster/: manifests that Kubernetes takes, and scripts whose workers find each other."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_validate import validate

from tfpagan.training import devices

RECIPES = Path(__file__).parents[1] / "docs" / "cluster"
MANIFESTS = list(yaml.safe_load_all((RECIPES / "workers.yaml").read_text()))


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/bash\n{script}\n")
    (folder / name).chmod(0o755)


def assert_task(said: str, workers: list[str], index: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker was started with this TF_CONFIG, which the program takes."""
    assert json.loads(said) == {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
    monkeypatch.setenv("TF_CONFIG", said)
    assert devices._task() == ({"worker": workers}, "worker", index)


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda manifest: manifest["kind"])
@pytest.mark.parametrize("version", ["1.29", "1.31", "1.37"])
def test_kubernetes_takes_the_manifests(manifest: dict[str, Any], version: str) -> None:
    validate(manifest, version, strict=True)


def test_pods_find_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service, job = MANIFESTS
    pod = job["spec"]["template"]
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    assert service["metadata"]["name"] == pod["spec"]["subdomain"]
    (container,) = pod["spec"]["containers"]
    variables = {variable["name"]: variable["value"] for variable in container["env"]}
    assert int(variables["WORKERS"]) == job["spec"]["completions"] == job["spec"]["parallelism"]
    program(tmp_path, "tfpagan", 'echo "$TF_CONFIG"; echo "$@"')
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "JOB_COMPLETION_INDEX": "1"}
    said = subprocess.check_output([*container["command"], *container["args"]], env=variables | path, text=True)
    config, flags = said.splitlines()
    # A pod of an indexed job is called JOB-INDEX, and resolved as POD.SERVICE.
    name, port = job["metadata"]["name"], container["ports"][0]["containerPort"]
    assert_task(config, [f"{name}-{i}.{service['metadata']['name']}:{port}" for i in range(2)], 1, monkeypatch)
    command, dataset, *_ = flags.split()
    assert command == "train"
    assert dataset.startswith("--dataset=")


@pytest.mark.parametrize(("status", "requeued"), [(0, False), (1, False), (75, True)])
def test_slurms_workers_find_each_other(status: int, requeued: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With stand-ins for Slurm's commands; a real Slurm is not for a test."""
    program(tmp_path / "slurm", "scontrol", 'if [[ $1 == show ]]; then printf "a\\nb\\n"; else echo "$@" > requeued; fi')
    run = 'for i in 0 1; do SLURM_PROCID=$i "${@:2}" || status=$?; done; exit $status'
    program(tmp_path / "slurm", "srun", f"[[ $1 == --* ]] || exit 9; status=0; {run}")
    program(tmp_path / "bin", "train", f'echo "$TF_CONFIG" > config_$SLURM_PROCID; echo "$@"; exit {status}')
    of_slurm = {"SLURM_JOB_ID": "30007", "SLURM_JOB_NODELIST": "[a-b]", "PATH": f"{tmp_path}/slurm:{os.environ['PATH']}"}
    command = ["bash", str(RECIPES / "train.sbatch"), "--dataset=mnist", "--model_dir=/a b"]
    done = subprocess.run(command, env=os.environ | of_slurm, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (status, "--dataset=mnist --model_dir=/a b\n" * 2)
    assert (tmp_path / "requeued").exists() is requeued
    for index in range(2):
        assert_task((tmp_path / f"config_{index}").read_text(), ["a:30007", "b:30008"], index, monkeypatch)


@pytest.mark.parametrize("script", sorted(path.name for path in RECIPES.glob("*.sbatch")))
def test_scripts_are_bash_and_a_file_that_slurm_reads_the_options_of(script: str) -> None:
    text = (RECIPES / script).read_text()
    assert text.startswith("#!/bin/bash\n")
    subprocess.run(["bash", "-n", str(RECIPES / script)], check=True)
    first = next(line for line in text.splitlines() if line and not line.startswith("#"))
    assert "#SBATCH" not in text.partition(first)[2]  # Slurm ignores them there
