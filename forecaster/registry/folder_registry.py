"""A registry in a folder: one folder per version, one JSON file per model. For tests and workers without MLflow."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forecaster.errors import ArtifactError, ConfigError, DiskError
from forecaster.registry.base import Registry, Version

__all__ = ["FolderRegistry"]

_INDEX = "registry.json"


class FolderRegistry(Registry):
    """Versions as folders `uri/name/1`, `2`, ... beside an index with aliases and tags."""

    def answers(self) -> bool:
        place = Path(self.uri)
        if place.exists() and not place.is_dir():
            raise ConfigError(f"the registry is a folder, and '{place}' is a file.")
        return place.is_dir()

    def register(self, name: str, folder: Path, *, tags: Mapping[str, str], tracking_id: str = "") -> Version:
        index = self._index(name)
        number = str(1 + max((int(v) for v in index["versions"]), default=0))
        place = self._folder(name) / number
        try:
            shutil.copytree(folder, place, dirs_exist_ok=True)
        except OSError as error:  # of shutil's own kind, which lists a reason for each file
            shutil.rmtree(place, ignore_errors=True)
            raise self._unwritten(error) from error
        index["versions"][number] = {"tags": dict(tags), "tracking_id": tracking_id}
        self._write(name, index)
        return Version(name, number, dict(tags), tracking_id)

    def point(self, name: str, alias: str, version: str) -> None:
        index = self._index(name)
        index["aliases"][alias] = version
        self._write(name, index)

    def tag(self, name: str, version: str, tags: Mapping[str, str]) -> None:
        index = self._index(name)
        index["versions"][version]["tags"].update(tags)
        self._write(name, index)

    def resolve(self, name: str, alias: str) -> Version | None:
        index = self._index(name)
        number = index["aliases"].get(alias)
        return None if number is None else Version(name, number, **index["versions"][number])

    def versions(self, name: str) -> list[Version]:
        found = self._index(name)["versions"]
        return [Version(name, number, **found[number]) for number in sorted(found, key=int)]

    def fetch(self, version: Version) -> Path:
        place = self._folder(version.name) / version.version
        if not place.is_dir():
            raise ArtifactError(f"version {version.version} of model '{version.name}' is gone from '{place}'.")
        return place

    def _folder(self, name: str) -> Path:
        return Path(self.uri) / name

    def _index(self, name: str) -> dict[str, Any]:
        path = self._folder(name) / _INDEX
        if not path.exists():
            return {"versions": {}, "aliases": {}}
        try:
            index: dict[str, Any] = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise ConfigError(f"cannot read the registry at '{path}': {error}.") from error
        return index

    def _write(self, name: str, index: dict[str, Any]) -> None:
        path = self._folder(name) / _INDEX
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(index, indent=1) + "\n")
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise self._unwritten(error) from error

    def _unwritten(self, error: OSError) -> ConfigError:
        kind = DiskError if DiskError.among(error) else ConfigError
        why = error.strerror or (error.args[0][0][2] if isinstance(error, shutil.Error) else error)
        return kind(f"cannot write the registry at '{self.uri}': {why}.")
