"""Queue ids: Postfix's encodings, checked against ids that a real Postfix gave."""

import pytest

from pyfix.mail.queue import ids


def test_short_id_is_that_of_postfix() -> None:
    """Microseconds in five digits, then the inode (78C6120C3F4 was logged for this file)."""
    assert ids.encode_short(1795415178_494689_000, 2147316) == "78C6120C3F4"


def test_long_id_is_that_of_postfix() -> None:
    """Seconds, microseconds and inode in Postfix's digits (4jXwv13HrkzJ9B2 was logged for this file)."""
    assert ids.encode_long(1795415181_464710_000, 2146337) == "4jXwv13HrkzJ9B2"


def test_small_microseconds_are_padded() -> None:
    """The microseconds are of fixed width: they divide the id."""
    assert ids.encode_short(1_000_000_007_000, 255) == "00007FF"
    assert ids.encode_long(1_000_000_007_000, 255)[6:10] == "0007"


@pytest.mark.parametrize("arrival", [0, 1_000, 999_999_000, 1795415181_464710_000, 2**62])
@pytest.mark.parametrize("inode", [1, 50, 51, 2146337, 2**63])
def test_decoding_gives_what_was_encoded(arrival: int, inode: int) -> None:
    """Both forms round-trip to the microsecond."""
    seconds, microseconds = divmod(arrival // 1000, 10**6)
    assert ids.decode(ids.encode_long(arrival, inode)) == ids.IdParts(seconds, microseconds, inode)
    if inode > 15:
        assert ids.decode(ids.encode_short(arrival, inode)) == ids.IdParts(None, microseconds, inode)


@pytest.mark.parametrize(
    "name",
    ["", "x", ".", "..", "../a", "A/B", "12345", "FFFFF1", "abcdef", "4jXwv13Hrkz", "0" * 300, "A" * 101, "é" * 8],
)
def test_other_names_are_no_ids(name: str) -> None:
    """Nothing that could leave the queue directory, and no vowels, passes for an id."""
    assert ids.decode(name) is None


@pytest.mark.parametrize("name", ["", "..", "A/B", "A" * 101, "12345", "abcdef", "ABCDEF\n", "x" * 200])
def test_is_valid_refuses_what_is_no_file_name_of_ours(name: str) -> None:
    """is_valid guards every path, so it must not let a separator pass."""
    assert not ids.is_valid(name)


def test_hash_digits_are_the_microseconds_in_both_forms() -> None:
    """A long id hashes by the part that changes fastest, written as in a short one."""
    assert ids.hash_digits("78C6120C3F4")[:5] == "78C61"
    assert ids.hash_digits("4jXwv13HrkzJ9B2") == "71746"
