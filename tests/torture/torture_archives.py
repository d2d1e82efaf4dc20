"""Hostile archives: nothing lands outside of the cache folder, memory and disk stay bounded, and one line says why.

Tar archives are given as --inception, and npz files as --real and --fake.
"""

import gzip
import io
import os
import re
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from tfpagan.evaluation.classifiers import inception
from tfpagan.evaluation.errors import EvaluationError

HANGS = 300
MOST_MIB = 1024
"""More than a command may take: it takes about half with nothing to do, most of it for TensorFlow."""
Fill = Callable[[tarfile.TarFile], None]


def file(tar: tarfile.TarFile, name: str, data: bytes = b"evil") -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def special(tar: tarfile.TarFile, name: str, kind: bytes, target: str = "") -> None:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.devmajor, info.devminor = kind, target, 1, 3
    tar.addfile(info)


def through_a_link(tar: tarfile.TarFile) -> None:
    special(tar, "link", tarfile.SYMTYPE, "../../..")
    file(tar, "link/escaped")


def through_a_hard_link(tar: tarfile.TarFile) -> None:
    special(tar, "link", tarfile.LNKTYPE, "../../../victim")
    file(tar, "link", b"changed")


def through_a_link_to_a_link(tar: tarfile.TarFile) -> None:
    """A hard link to a symbolic one, which is extracted as a copy at another depth."""
    special(tar, "a/b/link", tarfile.SYMTYPE, "../../../victim")
    special(tar, "link", tarfile.LNKTYPE, "a/b/link")
    file(tar, "link", b"changed")


def longer_than_a_path(tar: tarfile.TarFile) -> None:
    """CVE-2025-4517: links whose resolved path is longer than PATH_MAX, so that realpath stops resolving, and climb out."""
    folder, path = "d" * 247, ""
    for letter in "abcdefghijklmnop":
        info = tarfile.TarInfo(os.path.join(path, folder))
        info.type, info.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(info)
        special(tar, os.path.join(path, letter), tarfile.SYMTYPE, folder)
        path = os.path.join(path, folder)
    long = os.path.join("/".join("abcdefghijklmnop"), "l" * 254)
    special(tar, long, tarfile.SYMTYPE, "../" * 16)
    special(tar, "escape", tarfile.SYMTYPE, f"{long}/../../..")
    special(tar, "victim", tarfile.LNKTYPE, "escape/victim")
    file(tar, "victim", b"changed")
    file(tar, "escape/escaped")


def sparse(tar: tarfile.TarFile) -> None:
    """A file of 512 bytes that claims to be the end of one of 1 TiB."""
    info = tarfile.TarInfo("hole.pb")
    info.size = 512
    info.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.size": str(2**40)}
    info.pax_headers |= {"GNU.sparse.map": f"{2**40 - 512},512", "GNU.sparse.numblocks": "1"}
    tar.addfile(info, io.BytesIO(bytes(512)))


def headers_without_files(tar: tarfile.TarFile) -> None:
    """Headers in a row, which tarfile reads by calling itself."""
    facts = b"12 path=abcd"
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, len(facts)
    assert tar.fileobj is not None
    tar.fileobj.write((info.tobuf() + facts.ljust(512, b"\0")) * 3000)


def many(tar: tarfile.TarFile) -> None:
    for i in range(inception.MOST_MEMBERS + 1):
        file(tar, f"{i}", b"")


ARCHIVES: dict[str, tuple[Fill, str]] = {
    "a file above": (lambda tar: file(tar, "../../../escaped"), "outside the destination"),
    "a file in a folder above": (lambda tar: file(tar, "a/../../../../escaped"), "outside the destination"),
    "a file through a link": (through_a_link, "neither a file nor a folder"),
    "a link": (lambda tar: special(tar, "saved_model.pb", tarfile.SYMTYPE, "/etc/passwd"), "neither a file nor a folder"),
    "a file through a hard link": (through_a_hard_link, "neither a file nor a folder"),
    "a hard link to a link": (through_a_link_to_a_link, "neither a file nor a folder"),
    "longer than a path": (longer_than_a_path, "neither a file nor a folder"),
    "a pipe": (lambda tar: special(tar, "saved_model.pb", tarfile.FIFOTYPE), "neither a file nor a folder"),
    "a device": (lambda tar: special(tar, "saved_model.pb", tarfile.CHRTYPE), "neither a file nor a folder"),
    "a disk": (lambda tar: special(tar, "saved_model.pb", tarfile.BLKTYPE), "neither a file nor a folder"),
    "a hole of a terabyte": (sparse, "would take more than"),
    "many headers": (headers_without_files, "recursion"),
    "many files": (many, "holds more than"),
}


def tree(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() if p.is_file() else b"" for p in root.rglob("*")}


def archive_of(path: Path, fill: Fill) -> Path:
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as tar:
        fill(tar)
    return path


@pytest.mark.parametrize("kind", ARCHIVES)
def test_an_archive_stays_in_its_folder(kind: str, tmp_path: Path) -> None:
    fill, message = ARCHIVES[kind]
    (tmp_path / "victim").write_text("whole")
    archive = archive_of(tmp_path / "inception.tar.gz", fill)
    (tmp_path / "cache").mkdir()
    before = tree(tmp_path)
    with pytest.raises(EvaluationError, match=rf"inception\.tar\.gz cannot be unpacked into .*{message}") as caught:
        inception.load(archive, cache_dir=tmp_path / "cache")
    assert "\n" not in str(caught.value)
    assert tree(tmp_path) == before, "it left something"


def test_an_absolute_name_is_taken_as_a_relative_one(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "inception.tar.gz", lambda tar: file(tar, f"{tmp_path}/escaped"))
    with pytest.raises(EvaluationError, match="holds 0 SavedModels and 0 frozen graphs"):
        inception.load(archive, cache_dir=tmp_path / "cache")
    assert not (tmp_path / "escaped").exists()


def zeros(path: Path, gib: int) -> Path:
    """An archive with one file of zeros: many gzip streams in a row, which are read as one."""
    info = tarfile.TarInfo("saved_model.pb")
    info.size = gib * 2**30
    path.write_bytes(gzip.compress(info.tobuf()) + gzip.compress(bytes(2**26)) * gib * 2**4 + gzip.compress(bytes(1024)))
    return path


def long_name(path: Path) -> Path:
    """An archive with a name of 300 MiB, which tarfile reads into memory."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 300 * 2**20
    file = tarfile.TarInfo("saved_model.pb")
    head, name = (gzip.compress(part) for part in (info.tobuf(tarfile.GNU_FORMAT), b"a" * 2**20))
    path.write_bytes(head + name * 300 + gzip.compress(file.tobuf() + bytes(1024)))
    return path


def npz(path: Path, shape: tuple[int, ...], gib: int, names: tuple[str, ...] = ("mu",)) -> Path:
    """A deflated npz of zeros; each member has this shape in its header and this size."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "|u1", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out:
        for name in names:
            with out.open(f"{name}.npy", "w", force_zip64=True) as member:
                member.write(head.getvalue())
                for _ in range(gib * 2**6):
                    member.write(bytes(2**24))
    return path


def lying(path: Path) -> Path:
    """An npz of 1 GiB, of which its directory says that it is one of 1000 bytes."""
    npz(path, (2**30,), 1)
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = (1000).to_bytes(4, "little")
    path.write_bytes(data)
    return path


def most_mib(process: subprocess.Popen[bytes]) -> int:
    """The most memory that a process had in MiB, asked until it has ended."""
    most, until = 0, time.monotonic() + HANGS
    while process.poll() is None:
        assert time.monotonic() < until, f"it still runs after {HANGS} s"
        with suppress(OSError):
            found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())
            most = int(found[1]) >> 10 if found else most
        time.sleep(0.01)
    return most


def evaluated(folder: Path, **given: Path) -> tuple[int, str, int, float]:
    """Exit code, stderr, most MiB, and seconds of bin/evaluate; what is not given is a small array."""
    array = folder / "small.npy"
    np.save(array, np.random.default_rng(0).integers(0, 256, [8, 16, 16, 3]).astype(np.uint8))
    flags = [f"--{name}={path}" for name, path in ({"real": array, "fake": array} | given).items()]
    command = [sys.executable, "-m", "tfpagan.cli", "evaluate", *flags, "--metrics=fid", f"--cache_dir={folder}/cache"]
    begun = time.monotonic()
    environment = os.environ | {"TFHUB_CACHE_DIR": str(folder / "cache")}
    with (folder / "stderr").open("wb") as err:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=err, env=environment)
    most = most_mib(process)
    return process.returncode, (folder / "stderr").read_text(), most, time.monotonic() - begun


def size(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) if folder.exists() else 0


def images(path: Path, shape: tuple[int, ...], gib: int, *names: str) -> Path:
    return npz(path / "images.npz", shape, gib, names or ("images",))


BOMBS: dict[str, tuple[str, Callable[[Path], Path], str]] = {
    "tar of 32 GiB": ("inception", lambda p: zeros(p / "bomb.tar.gz", 32), "would take more than"),
    "tar with a long name": ("inception", lambda p: long_name(p / "bomb.tar.gz"), "it has a header of 314572800 bytes"),
    "images of 3 GiB": ("fake", lambda p: images(p, (3 << 20, 16, 16, 4), 3), "are unpacked from"),
    "images of 3 x 1 GiB": ("fake", lambda p: images(p, (1 << 20, 16, 16, 4), 1, "a", "b", "c"), "are unpacked from"),
    "images of a large shape": ("fake", lambda p: images(p, (2**33, 1, 1, 1), 0), "cannot be read as arrays"),
    "statistics of 3 GiB": ("real", lambda p: npz(p / "real.npz", (3 * 2**30,), 3), "are unpacked from"),
    "statistics that lie": ("real", lambda p: lying(p / "real.npz"), "cannot be read as arrays"),
    "statistics of a huge shape": ("real", lambda p: npz(p / "real.npz", (2**60,), 0), "cannot be read as arrays"),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_fills_neither_memory_nor_disk(kind: str, tmp_path: Path) -> None:
    flag, write, message = BOMBS[kind]
    bomb = write(tmp_path)
    code, said, mib, seconds = evaluated(tmp_path, **{flag: bomb})
    counts = f"{kind}: {bomb.stat().st_size >> 10} KiB; bin/evaluate took {mib} MiB and {seconds:.1f} s"
    print(f"\n{counts}; {said.splitlines()[-1] if said else ''}")
    assert code == 1, said
    assert "Traceback" not in said
    errors = [line for line in said.splitlines() if line.startswith("evaluate: error: ")]
    assert len(errors) == 1, said
    assert message in errors[0]
    assert mib < MOST_MIB, counts
    assert size(tmp_path / "cache") == 0, f"{counts}; {size(tmp_path / 'cache')} bytes were left in the cache"
