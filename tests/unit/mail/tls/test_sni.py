"""Certificates by the name that is asked for: the ciphers are those of the service all the same."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from tls_material import issue

from pyfix.mail.maps import Maps
from pyfix.mail.maps.table import FixedTable
from pyfix.mail.tls.sni import SniChains


def agreed(server: ssl.SSLContext, ciphers: str, name: str | None) -> str:
    """Return the cipher that a client of TLS 1.2 gets; raises SSLError where it gets none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(ciphers)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    accepting = server.wrap_bio(there, back, server_side=True)
    asking = context.wrap_bio(back, there, server_hostname=name)
    for end in (asking, accepting) * 3:
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
    found = accepting.cipher()
    return found[0] if found is not None else ""


@pytest.mark.parametrize("name", [None, "special.test"])
def test_a_name_opens_no_way_to_other_ciphers(tmp_path: Path, name: str | None) -> None:
    """Anonymous ones among them: what is excluded stays excluded."""
    issued = issue("special.test")
    chain = issued.key_pem + issued.pem
    (tmp_path / "chain.pem").write_bytes(chain)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.set_ciphers("ECDHE+AESGCM:!aNULL:@SECLEVEL=0")
    server.load_cert_chain(tmp_path / "chain.pem")
    chains = SniChains(Maps("tls_server_sni_maps", [FixedTable("t", {"special.test": chain.decode()})]), ())
    chains.serve(server)
    assert agreed(server, "ECDHE+AES256:@SECLEVEL=0", name).endswith("AES256-GCM-SHA384")
    for unwanted in ("AECDH:@SECLEVEL=0", "ECDHE+AES+SHA1:!aNULL:@SECLEVEL=0"):
        with pytest.raises(ssl.SSLError, match="NO_SHARED_CIPHER"):
            agreed(server, unwanted, name)
