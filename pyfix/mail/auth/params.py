"""Parameters of the back ends of auth."""

from __future__ import annotations

from pyfix.mail.config import CoreParameters, ListOf


class BackendParameters(CoreParameters):
    """Who knows the passwords."""

    auth_backends = ListOf(
        "", "Who knows the passwords, in the order in which they are asked; empty: see auth_backends(5)."
    )
