"""How a process reads its values: sets, overrides, defaults, families, errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyfix.mail.config import (
    Boolean,
    Choice,
    Config,
    ConfigError,
    CoreParameters,
    Integer,
    ListOf,
    ParameterSet,
    PerTransport,
    Raw,
    Seconds,
    String,
)
from pyfix.mail.config.config import find_directory


class SampleParameters(ParameterSet):
    """One of each kind."""

    sample_text = String("$sample_number apples", "A text.")
    sample_number = Integer("10", "A number.", low=1)
    sample_truth = Boolean("no", "A truth.")
    sample_time = Seconds("5d", "A time.", low=1)
    sample_choice = Choice("one", ("one", "two"), "A choice.")
    sample_list = ListOf("a, $sample_number", "A list.")
    sample_raw = Raw("$home/.forward", "A text for later.")
    sample_digit_name = String("postmaster", "A name that Python does not allow.", name="2nd_sample")
    sample_limit = PerTransport(Integer, "_sample_limit", "$sample_number", "A family.", low=0, defaults={"local": "1"})


def read(text: str, **overrides: str) -> SampleParameters:
    """Return the sample set of a main.cf."""
    return Config.from_text(text, overrides=list(overrides.items())).read(SampleParameters)


def test_defaults_are_expanded_and_converted() -> None:
    """Without a setting each attribute has its default."""
    params = read("")
    assert params.sample_text == "10 apples"
    assert params.sample_number == 10
    assert params.sample_truth is False
    assert params.sample_time == 5 * 86400
    assert params.sample_choice == "one"
    assert params.sample_list == ["a", "10"]
    assert params.sample_raw == "$home/.forward"
    assert params.sample_digit_name == "postmaster"


def test_settings_win_over_defaults() -> None:
    """Also where a default refers to them."""
    params = read("sample_number = 3\nsample_truth = yes\nsample_time = 2\nsample_choice = TWO\n2nd_sample = me\n")
    assert params.sample_text == "3 apples"
    assert params.sample_truth is True
    assert params.sample_time == 2 * 86400
    assert params.sample_choice == "two"
    assert params.sample_list == ["a", "3"]
    assert params.sample_digit_name == "me"


def test_override_wins_over_main_cf() -> None:
    """The last -o of a name counts, and may refer to names of main.cf."""
    config = Config.from_text(
        "sample_number = 3\nmine = 7\n", overrides=[("sample_number", "4"), ("sample_number", "$mine")]
    )
    assert config.read(SampleParameters).sample_number == 7
    assert config.place("sample_number") == "-o sample_number=$mine"


def test_override_refers_to_user_defined_override() -> None:
    """A name that only the command line defines is as good as one of main.cf."""
    assert read("", sample_number="$mine", mine="8").sample_number == 8


def test_set_is_frozen() -> None:
    """No code changes a setting."""
    params = read("")
    with pytest.raises(AttributeError, match="SampleParameters is frozen"):
        params.sample_number = 3  # type: ignore[assignment]  # the point of the test


def test_value_is_a_plain_attribute() -> None:
    """Reading a value costs no conversion."""
    assert vars(read("sample_number = 3\n"))["sample_number"] == 3


def test_class_attribute_is_the_declaration() -> None:
    """Documentation and lists are made from it."""
    assert SampleParameters.sample_number.default == "10"
    assert SampleParameters.sample_number.doc == "A number."


@pytest.mark.parametrize(("transport", "expected"), [("smtp", 10), ("local", 1), ("relay", 4), ("smtp-amavis", 0)])
def test_family_has_a_value_for_each_transport(transport: str, expected: int) -> None:
    """A member of its own wins over the default of the transport, that over the default of the family."""
    params = read("relay_sample_limit = 4\nsmtp-amavis_sample_limit = 0\n")
    assert params.sample_limit(transport) == expected
    assert params.sample_limit(transport) == expected


def test_bad_member_of_a_family_is_found_when_the_set_is_read() -> None:
    """Not only when the first message goes to the transport."""
    with pytest.raises(ConfigError, match="line 1: bad numerical configuration: uucp_sample_limit = x"):
        read("uucp_sample_limit = x\n")


def test_error_names_file_line_value_and_remedy() -> None:
    """One line that can be logged as it is."""
    with pytest.raises(ConfigError) as caught:
        Config.from_text("# first\nsample_number = x\n", directory="/some/dir").read(SampleParameters)
    assert str(caught.value) == (
        "/some/dir/main.cf, line 2: bad numerical configuration: sample_number = x; specify a whole number"
    )


def test_error_of_an_override_names_the_option() -> None:
    """There is no line of main.cf to look at."""
    with pytest.raises(ConfigError, match=r"^-o sample_number=x: bad numerical configuration"):
        read("", sample_number="x")


def test_error_in_an_expression_names_the_parameter() -> None:
    """The expression alone may not say where it is."""
    with pytest.raises(ConfigError, match=r'line 1: empty macro name: "\$" in sample_text; correct'):
        read("sample_text = $\n")


def test_name_declared_twice_is_refused_at_import() -> None:
    """Two declarations could differ."""
    with pytest.raises(TypeError, match="Both: parameter sample_number is declared twice"):

        class Other(ParameterSet):
            sample_number = Integer("1", "Another.")

        class Both(SampleParameters, Other):
            pass


def test_common_base_is_no_second_declaration() -> None:
    """Sets share by inheritance, also twice."""

    class Left(CoreParameters):
        pass

    class Right(CoreParameters):
        pass

    class Diamond(Left, Right):
        pass

    assert Config.from_text("max_use = 3\n").read(Diamond).max_use == 3


def test_get_returns_the_text_in_force() -> None:
    """Setting, else default, else nothing."""
    config = Config.from_text("mine = $max_use\n")
    assert config.get("mine") == "$max_use"
    assert config.get("max_use") == "100"
    assert config.get("nosuch_parameter") is None
    assert config.is_set("mine") and not config.is_set("max_use")
    assert config.expand("<$mine$nosuch_parameter>") == "<100>"
    assert list(config.set_names()) == ["mine"]


def test_names_of_other_processes_are_known() -> None:
    """A value may refer to the default of a parameter that this process does not declare."""
    assert Config.from_text("mine = $queue_run_delay\n").expand("$mine") == "300s"


def test_service_and_program_are_parameters() -> None:
    """-o syslog_name=postfix/$service_name works."""
    config = Config.from_text("", [("syslog_name", "postfix/$service_name")], service="submission", program="smtpd")
    params = config.read(CoreParameters)
    assert (params.syslog_name, params.service_name, params.process_name) == (
        "postfix/submission",
        "submission",
        "smtpd",
    )


def test_overridden_shares_main_cf() -> None:
    """The services of one master.cf need one reading of main.cf."""
    config = Config.from_text("max_use = 3\nmax_idle = 5\n")
    service = config.overridden([("max_use", "9")], "smtp", "smtpd").read(CoreParameters)
    assert (service.max_use, service.max_idle, service.service_name) == (9, 5.0, "smtp")
    assert config.read(CoreParameters).max_use == 3


def test_amended_goes_before_main_cf_and_not_before_the_overrides() -> None:
    """What the master adds is no stronger than what the administrator wrote in master.cf."""
    config = Config.from_text("a = main\nb = main\nc = main\n", [("b", "line")], "smtp", "smtpd")
    amended = config.amended([("a", "new"), ("b", "new")])
    assert [amended.get(name) for name in ("a", "b", "c", "service_name")] == ["new", "line", "main", "smtp"]
    assert config.get("a") == "main"


def test_load_takes_the_directory_of_mail_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The argument wins over the environment, the environment over the default."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "main.cf").write_text(f"myorigin = {name}.example\n")
    monkeypatch.setenv("MAIL_CONFIG", str(tmp_path / "one"))
    assert Config.load().read(CoreParameters).myorigin == "one.example"
    params = Config.load(str(tmp_path / "two")).read(CoreParameters)
    assert params.myorigin == "two.example"
    assert params.config_directory == str(tmp_path / "two")
    monkeypatch.delenv("MAIL_CONFIG")
    assert find_directory(None) == "/etc/pyfix"


def test_a_relative_directory_is_that_of_the_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pyfix -c some/etc start: the master reads master.cf when it is in the queue directory already."""
    (tmp_path / "main.cf").write_text("")
    monkeypatch.chdir(tmp_path.parent)
    assert Config.load(tmp_path.name).directory == str(tmp_path)
    monkeypatch.setenv("MAIL_CONFIG", f"{tmp_path.name}/")
    assert Config.load().read(CoreParameters).config_directory == str(tmp_path)
