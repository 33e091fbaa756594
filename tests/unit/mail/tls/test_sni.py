"""Certificates by the name that is asked for: all other rules are those of the service."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from tls_material import client_context, issue, shake_hands

from pyfix.mail.maps import Maps
from pyfix.mail.maps.table import FixedTable
from pyfix.mail.tls.native import find_native
from pyfix.mail.tls.sni import SniChains

NAMES = [None, "special.test"]


@pytest.fixture
def server(tmp_path: Path) -> ssl.SSLContext:
    """A context that has a certificate for a name besides."""
    issued = issue("special.test")
    chain = issued.key_pem + issued.pem
    (tmp_path / "chain.pem").write_bytes(chain)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ECDHE+AESGCM:!aNULL:@SECLEVEL=0")
    context.load_cert_chain(tmp_path / "chain.pem")
    maps = Maps("tls_server_sni_maps", [FixedTable("t", {"special.test": chain.decode()})])
    SniChains(maps, ()).serve(context)
    return context


@pytest.mark.parametrize("name", NAMES)
def test_a_name_opens_no_way_to_other_ciphers(server: ssl.SSLContext, name: str | None) -> None:
    """Anonymous ones among them: what is excluded stays excluded."""
    client = client_context()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers("ECDHE+AES256:@SECLEVEL=0")
    cipher = shake_hands(server, client, name).server.cipher()
    assert cipher is not None and cipher[0].endswith("AES256-GCM-SHA384")
    for unwanted in ("AECDH:@SECLEVEL=0", "ECDHE+AES+SHA1:!aNULL:@SECLEVEL=0"):
        client.set_ciphers(unwanted)
        with pytest.raises(ssl.SSLError, match="NO_SHARED_CIPHER"):
            shake_hands(server, client, name)


@pytest.mark.parametrize("name", NAMES)
def test_who_is_trusted_does_not_depend_on_the_name(tmp_path: Path, server: ssl.SSLContext, name: str | None) -> None:
    """Of clients with certificates."""
    native = find_native()
    assert native is not None
    authority = issue("authority", authority=True)
    server.load_verify_locations(cadata=authority.pem.decode())
    native.take_any_certificate(server)
    for issuer, is_trusted in ((authority, True), (issue("authority", authority=True), False)):
        client = client_context(issue("client.test", issuer).write(tmp_path, "client"))
        assert (native.distrust(shake_hands(server, client, name).server) == "") is is_trusted
