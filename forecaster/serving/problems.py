"""What the REST API answers where it cannot do what is asked: problems in the form of RFC 9457, in our words."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from forecaster.errors import ConfigError, DiskError, ForecasterError, did_you_mean, unknown_name
from forecaster.serving.said_wrongly import said_wrongly
from forecaster.without_flags import told

__all__ = ["UnknownSeries", "answer_problems", "require_known"]


def answer_problems(api: FastAPI) -> None:
    """Have an API answer all errors as problems."""
    api.add_exception_handler(ForecasterError, _problem)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(404, _no_path)
    api.add_exception_handler(405, _no_method)


class UnknownSeries(ConfigError):
    """A name that no series has."""


class _WrongParameter(ConfigError):
    """A parameter that the endpoint does not have, or a value that it cannot have."""


def require_known(request: Request) -> None:
    """Raises: _WrongParameter for a parameter that would be ignored, with the known ones"""
    known = _parameters(request)
    for name in request.query_params:
        if name not in known:
            raise _WrongParameter(f"{unknown_name('parameter', name, _parameters(request, offered=True))}")


def _parameters(request: Request, *, offered: bool = False) -> set[str]:
    """Names of the parameters that a request may have, or that are `offered`; none where no path is its own."""
    route = request.scope.get("route")
    every = route.dependant.query_params if route else ()
    return {one.alias for one in every if one.field_info.include_in_schema or not offered}


def _fields(request: Request) -> set[str]:
    """Names of the fields that the body of a request may have."""
    route = request.scope.get("route")
    bodies = [one.field_info.annotation for one in route.dependant.body_params] if route else []
    return {field.alias or name for body in bodies for name, field in body.model_fields.items()}


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    """A request with values that cannot be, in the same form."""
    assert isinstance(error, RequestValidationError), "the handler is for these"
    return await _problem(request, _WrongParameter(said_wrongly(error.errors(), _fields(request))))


async def _problem(request: Request, error: Exception) -> JSONResponse:
    """An error of ours; flags in it are the parameters and fields of the request."""
    if isinstance(error, UnknownSeries):
        return _as_problem(request, 404, ConfigError.__name__, str(error))
    status = 400 if isinstance(error, ConfigError) and not isinstance(error, DiskError) else 500
    if isinstance(error, _WrongParameter):
        return _as_problem(request, 422, ConfigError.__name__, str(error))
    said = told(str(error), frozenset(_parameters(request) | _fields(request)))
    return _as_problem(request, status, type(error).__name__, said)


async def _no_path(request: Request, error: Exception) -> JSONResponse:
    """A path that there is not."""
    path = request.url.path
    near = did_you_mean(path, _methods(request))
    return _as_problem(request, 404, ConfigError.__name__, f"there is no path '{path}'.{near} /docs lists all.")


async def _no_method(request: Request, error: Exception) -> JSONResponse:
    """A method that a path does not have."""
    path = request.url.path
    allowed = ", ".join(sorted(_methods(request).get(path, {"GET"})))
    said = f"{path} takes {allowed}, not {request.method}. /docs says what each does."
    answer = _as_problem(request, 405, ConfigError.__name__, said)
    answer.headers["Allow"] = allowed
    return answer


def _methods(request: Request) -> dict[str, set[str]]:
    """Methods of each path."""
    paths = request.app.openapi()["paths"]
    return {path: {method.upper() for method in methods} for path, methods in paths.items()}


def _as_problem(request: Request, status: int, title: str, detail: str) -> JSONResponse:
    """A problem in the form of RFC 9457."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "instance": request.url.path}
    return JSONResponse(body, status_code=status, media_type="application/problem+json")
