"""A registry in MLflow: models-from-code, so a version is safetensors, JSON and this project's own loader."""

import importlib.util
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path

import mlflow
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

from forecaster.errors import ArtifactError
from forecaster.mlflow_errors import asking, is_made
from forecaster.registry.base import Registry, Version

__all__ = ["MlflowRegistry"]

_LOADER = "forecaster.serving.pyfunc_model"
"""Module that MLflow runs to load a version; found by name, so that nothing here imports it."""
_CONTENTS = "contents"
_NEEDED = ("torch", "pandas", "numpy", "pyarrow", "scipy", "safetensors")


class MlflowRegistry(Registry):
    """Versions of registered models; aliases are MLflow's own."""

    def answers(self) -> bool:
        if not is_made("registry", self.uri):
            return False
        with self._client() as client:
            client.search_registered_models(max_results=1)
        return True

    def register(self, name: str, folder: Path, *, tags: Mapping[str, str], tracking_id: str = "") -> Version:
        with self._client() as client:
            with _within(tracking_id), warnings.catch_warnings():
                warnings.filterwarnings("ignore", message=".*input example.*")  # the signature is written by hand
                logged = mlflow.pyfunc.log_model(
                    name=name,
                    python_model=_loader_path(),
                    artifacts={_CONTENTS: str(folder)},
                    signature=_signature(),
                    pip_requirements=[f"{package}=={metadata.version(package)}" for package in _NEEDED],
                )
            with suppress(MlflowException):  # it is registered already
                client.create_registered_model(name)
            made = client.create_model_version(name, logged.model_uri, run_id=logged.run_id, model_id=logged.model_id)
        number = str(made.version)
        self.tag(name, number, tags)
        return Version(name, number, dict(tags), str(made.run_id or ""))

    def point(self, name: str, alias: str, version: str) -> None:
        with self._client() as client:
            client.set_registered_model_alias(name, alias, version)

    def tag(self, name: str, version: str, tags: Mapping[str, str]) -> None:
        with self._client() as client:
            for key, value in tags.items():
                client.set_model_version_tag(name, version, key, value)

    def resolve(self, name: str, alias: str) -> Version | None:
        with self._client() as client:
            number = _aliases(client, name).get(alias)
            return None if number is None else _version(client.get_model_version(name, number))

    def versions(self, name: str) -> list[Version]:
        with self._client() as client:
            found = client.search_model_versions(f"name = '{name}'")
        return sorted(map(_version, found), key=lambda v: int(v.version))

    def fetch(self, version: Version) -> Path:
        with self._client() as client:
            try:  # by where it lies: by its name MLflow would write a file beside it, also where nothing may be written
                uri = client.get_model_version_download_uri(version.name, version.version)
                place = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri))
            except (MlflowException, OSError) as error:
                raise ArtifactError(
                    f"version {version.version} of model '{version.name}' cannot be fetched: {error}"
                ) from error
        found = sorted((place / "artifacts").glob("*"))
        if not found:
            raise ArtifactError(f"version {version.version} of model '{version.name}' is not one of forecaster's.")
        return found[0]

    @contextmanager
    def _client(self) -> Iterator[mlflow.MlflowClient]:
        """Raises: SourceError or ConfigError if the registry cannot do what is asked"""
        with asking("registry", self.uri):
            mlflow.set_tracking_uri(self.uri)
            mlflow.set_registry_uri(self.uri)
            yield mlflow.MlflowClient()


def _aliases(client: mlflow.MlflowClient, name: str) -> Mapping[str, str]:
    """Aliases of a model; none if there is no such model. Any other refusal is an error."""
    try:
        found: Mapping[str, str] = client.get_registered_model(name).aliases
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            raise
        return {}
    return found


def _version(found: ModelVersion) -> Version:
    return Version(found.name, str(found.version), dict(found.tags), str(found.run_id or ""))


@contextmanager
def _within(tracking_id: str) -> Iterator[None]:
    """The tracked run that trained a model; it may be open already."""
    active = mlflow.active_run()
    if active is not None or not tracking_id:
        yield
        return
    with mlflow.start_run(run_id=tracking_id):
        yield


def _loader_path() -> str:
    spec = importlib.util.find_spec(_LOADER)
    assert spec is not None, f"{_LOADER} is part of this project"
    assert spec.origin, f"{_LOADER} is a file"
    return spec.origin


def _signature() -> ModelSignature:
    """A long frame and a horizon in, forecast rows out; a frame without names is one series."""
    given = Schema([ColSpec("string", "unique_id", required=False), ColSpec("datetime", "ds"), ColSpec("double", "y")])
    asked = ParamSchema([ParamSpec("horizon", "long", 0)])
    return ModelSignature(inputs=given, params=asked)
