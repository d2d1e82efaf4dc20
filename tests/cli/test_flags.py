"""The command line: help without TensorFlow, flags, refusals, dry run; and the executables as a shell calls them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfpagan import cli
from tfpagan.cli import completion, flags, train
from tfpagan.config import presets
from tfpagan.data import places
from tfpagan.errors import UserError
from tfpagan.training import devices

ROOT = Path(__file__).parents[2]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder of 30 grey-coloured noise images of 8 px."""
    folder = tmp_path / "images"
    folder.mkdir()
    random = np.random.default_rng(0)
    for i in range(30):
        picture = random.integers(0, 256, [8, 8, 3]).astype(np.uint8)
        (folder / f"{i:02d}.png").write_bytes(tf.io.encode_png(picture).numpy())
    return folder


def test_help_gives_every_default_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run("evaluate", ["--help"]) == 0
    for line in capsys.readouterr().out.splitlines():
        assert line.count("default:") <= 1, line
    assert cli.run("train", ["--help"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  --eval_every_steps")]
    assert line.endswith("(default: 0)")


def test_help_answers_without_tensorflow() -> None:
    program = "import sys; from tfpagan import cli; cli.run('train', ['--help']); assert 'tensorflow' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    for name in ("dataset", "model_dir", "preset", "augmentation", "reconstruction", "flagfile"):
        assert f"--{name}" in done.stdout
    assert all(name in done.stdout for name in presets.PRESETS)


def test_an_unknown_command_is_refused_with_the_known_ones() -> None:
    done = subprocess.run([sys.executable, "-m", "tfpagan.cli", "trian"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "unknown command 'trian' (did you mean train?); known: train, " in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_command_all_are_listed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for argv, listed in (([], cli.COMMANDS), (["--help"], cli.COMMANDS), (["completion", "--help"], completion.SHELLS)):
        monkeypatch.setattr(sys, "argv", ["tfpagan", *argv])
        cli.main()
        said = capsys.readouterr().out
        assert all(re.search(rf"^  {name} ", said, re.MULTILINE) for name in listed)


def test_flags_come_from_a_file_and_the_command_line_wins(tmp_path: Path, images: Path) -> None:
    file = tmp_path / "flags"
    file.write_text("--channels=8\n# a comment\n--pair=siamese\n--nodeterministic\n")
    given = flags.parse(train.COMMAND, [f"--flagfile={file}", "--channels=16"])
    assert given == {"channels": 16, "pair": "siamese", "deterministic": False}


def test_a_flagfile_that_includes_itself_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """However it is spelled: many spellings in one file would be read for minutes."""
    file = tmp_path / "flags"
    file.write_text("".join(f"--flagfile={tmp_path}{'/.' * i}/flags\n" for i in range(20)))
    (tmp_path / "outer").write_text(f"--channels=8\n--flagfile\n{file}\n")
    for name in (file, tmp_path / "outer"):
        assert cli.run("train", [f"--flagfile={name}"]) == 1
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert f"includes {file}, which includes itself" in line
    for i in range(15):
        (tmp_path / f"{i}").write_text(f"--flagfile={tmp_path}/{i + 1}\n")
    assert cli.run("train", [f"--flagfile={tmp_path}/0"]) == 1
    assert "includes flagfiles more than 10 deep" in capsys.readouterr().err


def test_an_address_of_another_machine_is_no_path() -> None:
    with pytest.raises(UserError, match=r"--data_dir=s3://bucket is not legal: it must be a folder of this machine"):
        places.data_dir("s3://bucket")
    for text in ("s3://bucket/run", "gs://bucket", "hdfs://x/y"):
        with pytest.raises(UserError, match="only files and folders of this machine"):
            flags.path(text)


def test_a_flagfile_that_is_not_text_gets_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "flags").write_bytes(bytes(range(256)))
    assert cli.run("train", [f"--flagfile={tmp_path}/flags"]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "the --flagfile is not text" in line


def test_a_reader_that_has_seen_enough_gets_no_traceback() -> None:
    """As `bin/train --help | head` closes it."""
    command = [sys.executable, "-m", "tfpagan.cli", "train", "--help"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    _, said = process.communicate(timeout=120)
    assert (process.returncode, said) == (141, b"")


def test_sigterm_leaves_as_an_exception_does_and_waits_for_no_thread(tmp_path: Path) -> None:
    """What is half written goes away with its scratch folder; a thread may be about to try a download again for minutes."""
    script = (
        "import os, signal, sys, tempfile, threading, time\n"
        "from tfpagan import cli\n"
        "from tfpagan.cli.flags import Command\n"
        "def run(options, settings):\n"
        f"    with tempfile.TemporaryDirectory(dir={str(tmp_path)!r}):\n"
        "        threading.Thread(target=time.sleep, args=[1000]).start()\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "        signal.pause()\n"
        "cli.COMMANDS['x'] = Command(program='x', help='', options=(), run=run)\n"
        "sys.argv = ['tfpagan', 'x']\n"
        "cli.main()\n"
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=120).returncode == 143
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_dry_run_tells_configuration_sizes_and_time_and_writes_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    argv = [f"--dataset=folder:{images}", "--image_size=8", "--channels=8", "--batch_size=4", "--dry_run"]
    argv += ["--validation_images=7"]
    assert cli.run("train", [*argv, f"--model_dir={tmp_path}/run", f"--cache_dir={tmp_path}/cache", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["configuration"]["data"]["crop"] == "center"
    assert facts["image_shape"] == [8, 8, 3]
    assert facts["images"] == {"train": 20, "test": 3, "validation": 7}
    assert facts["parameters"]["disc_z"] == (128 * 512 + 512) + (512 * 256 + 256) + (256 + 1)
    assert facts["step_mode"] == "fused"
    assert 0 < facts["seconds_per_step"] < 10
    assert facts["memory_mib"] > 50
    assert 4 * 3 * sum(facts["parameters"].values()) < 2**20 * facts["device_mib"] < 20 * 2**20  # with Adam's moments, and 4 px
    monkeypatch.setattr(devices, "memory_mib", lambda strategy: ("GPU:0", 1))
    assert cli.run("train", argv) == 1
    too_much = f"--batch_size=4 does not fit: a step takes about {facts['device_mib']} MiB on GPU:0, which has 1 MiB"
    assert too_much in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "cache").exists()


def test_the_executable_runs_from_a_plain_shell_anywhere(tmp_path: Path) -> None:
    if not (ROOT / ".venv/bin/python").exists():
        pytest.skip("bin/train needs the .venv that make makes")
    done = subprocess.run([ROOT / "bin/train", "--help"], cwd=tmp_path, env={"PATH": "/usr/bin:/bin"}, capture_output=True)
    assert done.returncode == 0
    assert b"--dataset" in done.stdout


def test_the_executables_are_thin() -> None:
    for file in (ROOT / "bin").iterdir():
        assert len(file.read_text().splitlines()) <= 15, file
