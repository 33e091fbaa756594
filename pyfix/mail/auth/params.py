"""Parameters of the back ends of auth."""

from __future__ import annotations

from pyfix.mail.config import CoreParameters, ListOf, Seconds


class BackendParameters(CoreParameters):
    """Who knows the passwords."""

    auth_backends = ListOf(
        "", "Who knows the passwords, in the order in which they are asked; empty: see auth_backends(5)."
    )
    auth_backend_timeout = Seconds("30s", "How long a back end of auth may take.", low=1)
