"""An artefact's folder holds all of one artefact, or none that can be read."""

import json
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from forecaster.errors import ArtifactError, DiskError
from forecaster.progress import RecordingWatch
from forecaster.scoring.forecaster import Forecaster
from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.roles import Roles
from forecaster.training import artefact as on_disk
from forecaster.training.artefact import Artefact
from forecaster.training.job import Job
from forecaster.training.recipe import learn
from forecaster.training.stepping import Stepping

GRID = check(synthetic.seasonal(2, 60), Roles()).grids[0]
ENDS = np.asarray(GRID.lengths)
ARTEFACT = ("artefact.json", ("plan", "features", "calibration", "facts"))
INDEX = ("forecaster.json", ("roles", "members"))
STATE = ("state.json", ("artefact", "names", "clock"))


def _pair(horizon: int) -> Artefact:
    one = learn(GRID, ENDS, model="seasonal_naive", horizon=horizon)
    return one.joined([one])


def _killed(artefact: Artefact, folder: Path, files: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Save it, and be killed when so many files of numbers are written."""
    written, real = [], on_disk.save_file

    def write(tensors: Any, path: Path) -> None:
        real(tensors, path)
        written.append(path)
        if len(written) == files:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(on_disk, "save_file", write)
        with pytest.raises(KeyboardInterrupt):
            artefact.save(folder)


@pytest.mark.parametrize("files", [1, 2, 3, 4])
def test_a_folder_that_was_being_overwritten_is_not_read(
    files: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after any of its files, an ensemble of two does not load as part of the old and part of the new."""
    _pair(2).save(tmp_path)
    assert Artefact.load(tmp_path).plan.horizon == 2
    _killed(_pair(3), tmp_path, files, monkeypatch)
    with pytest.raises(ArtifactError, match="no readable artefact"):
        Artefact.load(tmp_path)


@contextmanager
def _full_after(most: int) -> Iterator[None]:
    """A disk on which no file can have more bytes than these."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _saved(artefact: Artefact, folder: Path) -> None:
    Forecaster((artefact,), Roles()).save(folder)


def _stepped(artefact: Artefact, folder: Path) -> None:
    Stepping.begin(artefact, GRID).save(folder)


@pytest.mark.parametrize("save", [Artefact.save, _saved, _stepped])
def test_a_full_disk_is_told_by_its_folder(save: Callable[[Artefact, Path], None], tmp_path: Path) -> None:
    """Also in files of numbers, whose library has an error of its own; what cannot be whole is no model."""
    folder, artefact = tmp_path / "new", _pair(30)
    with _full_after(2_000), pytest.raises(DiskError, match=rf"cannot write .*to '{folder}.*File too large"):
        save(artefact, folder)
    assert not list(tmp_path.rglob("*.json"))
    assert save is not _saved or not folder.exists()


def _read_stepped(folder: Path) -> Stepping:
    return Stepping.load(folder, _pair(2))


@pytest.mark.parametrize(
    ("save", "load", "holds", "line"),
    [
        (Artefact.save, Artefact.load, ARTEFACT, "holds no readable artefact .* Save one with --save DIR"),
        (_saved, Forecaster.load, INDEX, "holds no saved model .* Make one with --save DIR"),
        (_stepped, _read_stepped, STATE, "holds no readable state .* Start again from the rows"),
    ],
)
def test_json_without_what_it_should_hold_is_told_by_its_folder(
    save: Callable[[Artefact, Path], None],
    load: Callable[[Path], object],
    holds: tuple[str, tuple[str, ...]],
    line: str,
    tmp_path: Path,
) -> None:
    """It can be read, but lacks a name, or holds another kind of value under it, or is no object."""
    save(_pair(2), tmp_path)
    file, needed = holds
    whole = json.loads((tmp_path / file).read_text())
    assert load(tmp_path)
    damaged = [{k: v for k, v in whole.items() if k != name} for name in needed]
    odd = [{**whole, name: 3} for name in needed if name != "artefact"]
    for data in [*damaged, *odd, {}, [], None]:
        (tmp_path / file).write_text(json.dumps(data))
        with pytest.raises(ArtifactError, match=f"'{tmp_path}' {line}"):
            load(tmp_path)


@pytest.mark.parametrize(
    ("save", "load", "file"),
    [(Artefact.save, Artefact.load, "artefact.json"), (_saved, Forecaster.load, "forecaster.json")],
)
def test_what_a_later_version_saved_asks_for_it(
    save: Callable[[Artefact, Path], None], load: Callable[[Path], object], file: str, tmp_path: Path
) -> None:
    """Before anything else of it is read, which may be otherwise there."""
    save(_pair(2), tmp_path)
    (tmp_path / file).write_text(json.dumps({"format": 99}))
    with pytest.raises(ArtifactError, match=r"has format 99, this version reads up to 1\. Update forecaster"):
        load(tmp_path)


def test_a_training_that_was_kept_in_part_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed while it was written, or damaged since: `--resume` trains it, and says so."""
    job, watch = Job(_pair(2).plan, None, tmp_path), RecordingWatch()
    _killed(_pair(2), tmp_path, 2, monkeypatch)
    assert len(job.run(GRID, ENDS, watch)) == 1
    assert not any("done before" in line for line in watch.lines)
    (tmp_path / "weights.safetensors").write_bytes(b"half")
    assert len(job.run(GRID, ENDS, watch)) == 1
    assert any("training again" in line for line in watch.lines)
    job.run(GRID, ENDS, watch)
    assert any("done before" in line for line in watch.lines)


def test_weights_of_an_earlier_version_ask_for_a_training(tmp_path: Path) -> None:
    """A network that had one start less, as those before exponential smoothing."""
    learn(GRID, ENDS, model="lstm", horizon=2, settings={"steps": 1, "size": "s"}).save(tmp_path)
    file = next(tmp_path.glob("weights*"))
    weights = load_file(file)
    name = "model.anchors.begin_KH"
    save_file({**weights, name: weights[name][1:].clone()}, file)
    with pytest.raises(ArtifactError, match=r"do not fit model 'lstm' as it is now; train it again \(size mismatch"):
        Artefact.load(tmp_path)
