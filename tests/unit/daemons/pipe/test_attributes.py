"""The arguments of a pipe service, and the macros of its command."""

import pytest

from pyfix.daemons.pipe.attributes import AttributeProblem, parse, unescape
from pyfix.daemons.pipe.macros import expand_arguments, recipient_values, request_values
from pyfix.mail.ipc.messages import Client, Deliver, Envelope, Recipient


def test_all_attributes_are_understood() -> None:
    """argv= ends the list and takes the rest."""
    words = "flags=DRX user=vmail:mail eol=\\r\\n size=10 null_sender= directory=/d chroot=/c argv=/bin/x -f $sender"
    found = parse(words.split())
    assert (found.user, found.group, found.flags, found.eol) == ("vmail", "mail", "DRX", b"\r\n")
    assert (found.size_limit, found.null_sender, found.directory, found.chroot) == (10, "", "/d", "/c")
    assert found.argv == ("/bin/x", "-f", "$sender")
    assert found.is_single


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("argv=/bin/x", "missing user= command-line attribute"),
        ("user=a", "missing argv= command-line attribute"),
        ("user=a argv=", "missing argv= command-line attribute"),
        ("user=a color=red argv=x", "unknown attribute name: color"),
        ("user=a nonsense argv=x", "unknown attribute name: nonsense"),
        ("user=a flags=Z argv=x", "unknown flag: Z"),
        ("user=a size=big argv=x", "bad size= value: big"),
        ("user=a argv=x ${recipe}", 'unknown macro name: "recipe" in "${recipe}"'),
        ("user=a argv=x ${}", 'unknown macro name: "" in "${}"'),
    ],
)
def test_mistake_has_its_message(words: str, problem: str) -> None:
    """Each says what is wrong."""
    with pytest.raises(AttributeProblem) as caught:
        parse(words.split())
    assert str(caught.value) == problem


@pytest.mark.parametrize(
    ("text", "data"), [("\\r\\n", b"\r\n"), ("\\101\\7x\\\\", b"A\x07x\\"), ("plain", b"plain"), ("\\q", b"\\q")]
)
def test_escapes_are_those_of_c(text: str, data: bytes) -> None:
    """Octal codes have up to three digits."""
    assert unescape(text) == data


CLIENT = Client(name="mx.test", address="192.0.2.1", port="25", helo="helo", protocol="ESMTP", sasl_username="joe")
REQUEST = Deliver(1, "ABC", "Next.Hop", Envelope("", 1.0, 5, client=CLIENT), [], 0, 77, 1.0, True)
RCPT = Recipient('"J Doe"+X@Example.Test', "Alias@Example.Test")


def expand(argv: list[str], flags: str = "", null_sender: str = "MAILER-DAEMON", count: int = 1) -> list[str]:
    """Expand for `count` recipients."""
    shared = request_values(REQUEST, flags, null_sender)
    return expand_arguments(argv, shared, [recipient_values(RCPT, flags, "+")] * count)


def test_macros_of_the_request() -> None:
    """Three ways to write a name, and $$."""
    argv = ["$sender", "a${size}b", "$(queue_id)$$x", "$nexthop", "$client_address:$client_port", "${sasl_username}"]
    assert expand(argv) == ["MAILER-DAEMON", "a77b", "ABC$x", "Next.Hop", "192.0.2.1:25", "joe"]
    assert expand(["-f", "$sender"], null_sender="") == ["-f", ""]


def test_macros_of_a_recipient() -> None:
    """Without q addresses have no quotes; the parts of an address never have."""
    argv = ["$recipient", "$original_recipient", "$domain"]
    assert expand(argv) == ["J Doe+X@Example.Test", "Alias@Example.Test", "Example.Test"]
    assert expand(["$recipient"], "q") == ['"J Doe+X"@Example.Test']


def test_user_and_extension_are_parts_of_the_mailbox() -> None:
    """user+extension is the mailbox."""
    rcpt = Recipient("Joe+Box@Example.Test")
    values = recipient_values(rcpt, "hu", "+")
    assert (values["user"], values["extension"], values["mailbox"]) == ("joe", "box", "joe+box")
    assert values["domain"] == "example.test"
    assert recipient_values(rcpt, "", "")["user"] == "Joe+Box"
    assert recipient_values(rcpt, "", "")["extension"] == ""


def test_argument_with_a_recipient_macro_is_repeated() -> None:
    """Others appear once."""
    assert expand(["x", "-r$mailbox", "$size"], count=2) == ["x", "-rJ Doe+X", "-rJ Doe+X", "77"]


def test_text_that_came_from_outside_is_not_expanded_again() -> None:
    """A recipient named $sender is text."""
    shared = request_values(REQUEST, "", "x")
    values = recipient_values(Recipient("$sender@x"), "", "")
    assert expand_arguments(["$recipient"], shared, [values]) == ["$sender@x"]
