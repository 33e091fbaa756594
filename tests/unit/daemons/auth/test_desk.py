"""What all logins of a process share."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from pyfix.base.log import MemoryLog
from pyfix.daemons.auth import desk as module
from pyfix.daemons.auth.crew import Crew
from pyfix.daemons.auth.desk import Crowded, Desk, lasting_seed
from pyfix.daemons.auth.names import NameRules
from pyfix.daemons.auth.penalty import Limits, Penalties
from pyfix.daemons.auth.verify import Hashing, Verifier
from pyfix.mail.config import Config
from pyfix.mail.maps import MatchList
from pyfix.mail.maps.match_list import ADDRESS
from pyfix.service.rights import Rights
from pyfix.service.worker import Worker


def make_desk(threads: Crew | None = None) -> Desk:
    """One without back ends."""
    config = Config.from_text("")
    return Desk(
        worker=Worker("auth", "auth", [], config, MemoryLog(), Rights()),
        verifier=Verifier([], Hashing("PLAIN", renews=False, limit=1)), penalties=Penalties(Limits(0.0, 3, 600.0)),
        names=NameRules(""), threads=threads or Crew(None, 1),  # type: ignore[arg-type]  # asked for nothing
        exceptions=MatchList("127.0.0.0/8, [::1]/128", "auth_failure_exceptions", config, kind=ADDRESS), tokens=None,
        mechanisms=frozenset(), hostname="mail.test", ban_s=600.0,
    )  # fmt: skip


def test_salts_of_nobody_last(tmp_path: Path) -> None:
    """As long as the machine; another one has others."""
    (tmp_path / "one").write_text("0123\n")
    (tmp_path / "two").write_text("4567\n")
    assert lasting_seed(str(tmp_path / "one")) == lasting_seed(str(tmp_path / "one"))
    assert len({lasting_seed(str(tmp_path / name)) for name in ("one", "two", "three")}) == 3
    assert lasting_seed(str(tmp_path / "three")) != lasting_seed(str(tmp_path / "three"))


def test_too_many_at_once_are_put_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """While all back ends hang."""
    monkeypatch.setattr(module, "MOST_WAITING", 3)
    released = threading.Event()

    async def main() -> None:
        crew = Crew(asyncio.get_running_loop(), 1)
        desk = make_desk(crew)
        waiting = [asyncio.ensure_future(desk.in_thread(released.wait)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Crowded, match="3 logins are under way already"):
            await desk.in_thread(released.wait)
        released.set()
        assert await asyncio.gather(*waiting) == [True] * 3
        assert await desk.in_thread(released.wait)
        crew.close()

    asyncio.run(main())


def test_which_clients_are_counted() -> None:
    """Not those in auth_failure_exceptions, nor who has no address."""
    desk = make_desk()
    sources = [desk.source(remote) for remote in ("192.0.2.1", "127.0.0.5", "::1", "", "2001:db8::1")]
    assert sources == ["192.0.2.1", "", "", "", "2001:db8::/64"]


def test_digest_tells_passwords_apart_and_nothing_else() -> None:
    """Another process has others."""
    desk, other = make_desk(), make_desk()
    assert desk.digest("joe", b"x") == desk.digest("joe", b"x") != desk.digest("joe", b"y")
    assert desk.digest("joe", b"x") != desk.digest("ann", b"x")
    assert desk.digest("joe", b"x") != other.digest("joe", b"x")


def test_nonces_are_made_for_mechanisms_that_need_them() -> None:
    """Another one for each exchange."""
    desk = make_desk()
    assert desk.scene("PLAIN").nonce == ""
    assert len({desk.scene("CRAM-MD5").nonce for _ in range(10)}) == 10
