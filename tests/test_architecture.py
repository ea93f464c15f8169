"""ARCHITECTURE.md, executable: who may import whom, and which packages where."""

import ast
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RANKS = [
    ["errors", "columns", "addresses", "counted", "listed", "query_tables", "without_flags"],
    ["plugins", "options", "settings", "client", "progress", "quiet", "mlflow_errors", "arguments"],
    ["series"],
    ["store", "registry", "tracking", "alerts", "layers", "metrics", "anomaly_metrics"],
    ["panel", "scales", "heads"],
    ["models", "thresholds", "aggregations"],
    ["training"],
    ["detectors", "launch"],
    ["scoring"],
    ["evaluation", "reporting"],
    ["app"],
    ["actions"],
    ["serving", "api"],
]
RANK = {name: rank for rank, names in enumerate(RANKS) for name in names}
CORE = {"torch", "pytorch_lightning", "pandas", "numpy", "pyarrow", "scipy", "safetensors"}
ELSEWHERE = {
    "forecaster/series/public_holidays.py": {"holidays"},
    "forecaster/series/sessions.py": {"exchange_calendars", "holidays"},
    "forecaster/store/lake.py": {"deltalake"},
    "forecaster/store/lake_files.py": {"deltalake", "duckdb", "fsspec"},
    "forecaster/store/lake_sql.py": {"duckdb"},
    "forecaster/store/sql.py": {"duckdb"},
    "forecaster/store/ledger.py": {"sqlalchemy"},
    "forecaster/store/leases.py": {"sqlalchemy"},
    "forecaster/store/news.py": {"deltalake"},
    "forecaster/store/schema.py": {"sqlalchemy"},
    "forecaster/store/database.py": {"sqlalchemy"},
    "forecaster/store/event_log.py": {"sqlalchemy"},
    "forecaster/store/queries.py": {"sqlalchemy"},
    "forecaster/store/sqlite_file.py": {"sqlalchemy"},
    "forecaster/store/owners.py": {"sqlalchemy"},
    "forecaster/store/slices.py": {"sqlalchemy"},
    "forecaster/store/upkeep.py": {"deltalake"},
    "forecaster/mlflow_errors.py": {"mlflow", "sqlalchemy"},
    "forecaster/registry/mlflow_registry.py": {"mlflow"},
    "forecaster/tracking/mlflow_tracking.py": {"mlflow"},
    "forecaster/models/_statistical.py": {"statsforecast"},
    "forecaster/launch/_side_by_side.py": {"loky"},
    "forecaster/launch/ray.py": {"ray"},
    "forecaster/alerts/webhook.py": {"httpx"},
    "forecaster/evaluation/tuning.py": {"optuna"},
    "forecaster/reporting/figures.py": {"plotly"},
    "forecaster/client.py": {"httpx"},
    "forecaster/serving/cli.py": {"typer"},
    "forecaster/serving/flags.py": {"typer"},
    "forecaster/serving/fitted_table.py": {"rich"},
    "forecaster/serving/screen.py": {"rich"},
    "forecaster/serving/problems.py": {"fastapi"},
    "forecaster/serving/rest.py": {"fastapi", "fastapi_offline", "pydantic", "uvicorn"},
    "forecaster/serving/pyfunc_model.py": {"mlflow"},
}
WORKER = ("series", "panel", "scales", "heads", "layers", "models", "training", "launch")


def _files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def _imports(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _part(module: str) -> str | None:
    """The part of the project that a module belongs to."""
    parts = module.split(".")
    return parts[1] if parts[0] == "forecaster" and len(parts) > 1 and parts[1] in RANK else None


@pytest.mark.parametrize("path", _files("forecaster"), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_down_in_rank(path: Path) -> None:
    """A part imports lower ranks and itself, never a part of its own rank or above."""
    own = path.relative_to(ROOT / "forecaster").parts[0].removesuffix(".py")
    if own in ("__init__", "__main__"):
        return
    for module in _imports(path):
        other = _part(module)
        assert other is None or other == own or RANK[other] < RANK[own], f"{path.name} imports {module}"
        assert module.split(".")[0] not in {"connectors", "flows", "dashboards"}, f"{path.name} imports {module}"


ALLOWED = {
    "connectors": {"counted", "errors", "columns", "series"},
    "flows": {"app", "counted", "actions", "plugins", "errors", "settings", "quiet", "progress", "series"},
    "dashboards": {"client", "counted", "reporting", "errors", "quiet"},
}


@pytest.mark.parametrize("folder", list(ALLOWED))
def test_the_rim_sees_little(folder: str) -> None:
    """Connectors, flows and dashboards know a few parts each."""
    for path in _files(folder):
        seen = {part for part in map(_part, _imports(path)) if part}
        assert seen <= ALLOWED[folder], f"{path.name} sees {seen - ALLOWED[folder]}"


@pytest.mark.parametrize("path", _files("forecaster"), ids=lambda p: str(p.relative_to(ROOT)))
def test_other_packages_stay_in_their_files(path: Path) -> None:
    """Beyond the core packages, a package is imported in the files that are listed for it."""
    allowed = CORE | ELSEWHERE.get(str(path.relative_to(ROOT)), set()) | {"forecaster"} | set(sys.stdlib_module_names)
    used = {module.split(".")[0] for module in _imports(path)}
    assert used <= allowed, f"{path.relative_to(ROOT)} imports {used - allowed}"


@pytest.mark.parametrize("folder", ["forecaster", "connectors", "flows", "dashboards"])
def test_packages_import_nothing(folder: str) -> None:
    """A package's __init__ is one docstring, so importing a part brings nothing else."""
    for path in _files(folder):
        if path.name == "__init__.py":
            body = ast.parse(path.read_text()).body
            assert len(body) == 1, path
            assert isinstance(body[0], ast.Expr), path


def test_no_module_is_called_like_a_library() -> None:
    """Outside plug-in folders a module's name is ours alone."""
    libraries = {"mlflow", "prefect", "torch", "pandas", "duckdb", "dash", "plotly", "typer", "rich", "fastapi"}
    assert not {path.stem for path in _files("forecaster")} & libraries


def test_a_worker_trains_with_core_packages_alone() -> None:
    """series, panel, models, training: with every other package blocked, a network trains and predicts."""
    script = f"""
import sys, sysconfig
from importlib import metadata
sysconfig.get_config_vars()  # reads a module of the standard library that no list names
allowed = {_with_dependencies(CORE) | {"forecaster"} | set(sys.stdlib_module_names)!r}
made_by = {{}}
for package, names in metadata.packages_distributions().items():
    for name in names:
        made_by.setdefault(name, set()).add(package)
class Allowed:
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, path=None, target=None):
        return self.finder.find_spec(name, path, target) if name.split(".")[0] in allowed else None
    def find_distributions(self, *asked):
        found = getattr(self.finder, "find_distributions", lambda *_: ())(*asked)
        return [one for one in found if made_by.get(one.name, set()) & allowed]
sys.meta_path[:] = map(Allowed, sys.meta_path)
from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.roles import Roles
from forecaster.training.fit import fit
from forecaster.training.plan import plan
from forecaster.training.walk import last_forecasts
grid = check(synthetic.seasonal(2, 120), Roles()).grids[0]
made = plan(grid, grid.lengths, model="lstm", horizon=4, settings={{"steps": 2, "size": "s"}})
print(last_forecasts(fit(grid, grid.lengths, made), grid).quantiles.shape)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.stdout.strip() == "(2, 4, 13)", done.stderr[-2000:]


def _with_dependencies(packages: set[str]) -> set[str]:
    """Packages, and all that the distributions they are from require without an extra."""
    made_by = metadata.packages_distributions()
    brings: dict[str, set[str]] = {}
    for package, distributions in made_by.items():
        for name in distributions:
            brings.setdefault(_plain(name), set()).add(package)
    found: set[str] = set()
    waiting = {_plain(name) for package in packages for name in made_by[package]}
    while waiting:
        found |= (now := waiting)
        lines = [line for name in now if name in brings for line in metadata.requires(name) or ()]
        waiting = {_plain(re.match(r"[\w.-]+", line).group()) for line in lines if "extra ==" not in line} - found
    return set().union(*(brings.get(name, set()) for name in found))


def _plain(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def test_reading_and_asking_load_no_network() -> None:
    """A project is opened, read into and asked without torch: its commands start at once, in a third of the memory."""
    script = (
        "import sys\n"
        "import connectors.files, forecaster.app, forecaster.actions.ingest, forecaster.actions.query\n"
        "import forecaster.store.listening, forecaster.store.quality, forecaster.store.upkeep\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
