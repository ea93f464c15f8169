"""Addresses of databases and servers in a form that may be shown: no password in any message or log."""

import re
from urllib.parse import unquote

__all__ = ["masked", "shown"]

_HIDDEN = "***"
_USER = re.compile(r"^([\w+.-]+://[^:@/]*:)(.*)(?=@)", re.DOTALL)
"""Up to the last @, for one in a password is often written as it is."""
_ASKED = re.compile(r"([?&][^=&]*(?:password|passwd|pwd|secret|token)[^=&]*=)([^&]*)", re.IGNORECASE)


def shown(address: str) -> str:
    """The address without its password."""
    return _ASKED.sub(rf"\1{_HIDDEN}", _USER.sub(rf"\1{_HIDDEN}", address))


def masked(said: object, address: str) -> str:
    """A program's message about an address, in one line, without its password or what the program took for the host."""
    text = " ".join(str(said).split()).replace(address, shown(address))
    for secret in _secrets(address):
        for written in sorted({secret, unquote(secret), *_ends(secret)}, key=len, reverse=True):
            text = text.replace(written, _HIDDEN)
    return text


def _secrets(address: str) -> list[str]:
    user = _USER.match(address)
    return [secret for secret in [user[2] if user else "", *(found[1] for found in _ASKED.findall(address))] if secret]


def _ends(secret: str) -> list[str]:
    """The parts of a secret after each @ in it: a program takes them to be part of the host."""
    parts = secret.split("@")
    return ["@".join(parts[number:]) + "@" for number in range(1, len(parts))]
