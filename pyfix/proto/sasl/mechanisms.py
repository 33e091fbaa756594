"""Which mechanisms there are, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pyfix.proto.sasl.digests import Apop, CramMd5
from pyfix.proto.sasl.mechanism import Mechanism, Scene
from pyfix.proto.sasl.oauth import OAuthBearer, XOAuth2
from pyfix.proto.sasl.plain import Login, Plain
from pyfix.proto.sasl.scram import ScramSha1, ScramSha256

MECHANISMS: Final[Mapping[str, type[Mechanism]]] = {
    kind.name: kind for kind in (Plain, Login, CramMd5, ScramSha256, ScramSha1, XOAuth2, OAuthBearer, Apop)
}


def make(name: str, scene: Scene) -> Mechanism:
    """Return a new exchange; raises KeyError for a name that is not known."""
    return MECHANISMS[name](scene)
