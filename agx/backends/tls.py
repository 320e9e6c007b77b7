"""A connection that TLS refused, told alike for every server."""

from __future__ import annotations

import ssl

from agx.errors import BackendUnreachable


def causes_of(error: BaseException) -> list[BaseException]:
    """Return an error and what caused it, the outermost first."""
    causes = [error]
    while (deeper := causes[-1].__cause__ or causes[-1].__context__) is not None and deeper not in causes:
        causes.append(deeper)
    return causes


def tls_refused(error: BaseException, *, at: str) -> BackendUnreachable | None:
    """Return the error for a connection to the address `at` that TLS refused; None for any other failure."""
    refused = next((each for each in causes_of(error) if isinstance(each, ssl.SSLError)), None)
    if refused is None:
        return None
    return BackendUnreachable(
        f"no secure connection to {at}: {refused}",
        hint="check the address (http or https); a certificate of your own: SSL_CERT_FILE=FILE",
    )
