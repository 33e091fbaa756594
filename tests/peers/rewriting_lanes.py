"""The configurations of test_rewriting."""

from __future__ import annotations

from typing import Final

from rewriting_site import Lane

COMMON: Final = {
    "recipient_delimiter": "+",
    "virtual_mailbox_domains": "pair.test a.pair.test b.a.pair.test keep.pair.test gone.test",
    "smtpd_recipient_limit": "2000",
    "smtpd_relay_restrictions": "permit_mynetworks, reject",
    "smtpd_hard_error_limit": "10000",
    "smtpd_soft_error_limit": "10000",
}
"""For all lanes."""
TABLE = (
    "inline:{{old@pair.test=new@pair.test},{@gone.test=@pair.test},{loop1@pair.test=self@pair.test},"
    "{self@pair.test=self@pair.test},{joe=joe.user},{chain1@pair.test=chain2@pair.test},"
    "{chain2@pair.test=chain3@pair.test},{Mixed@pair.test=MiXed@pair.test},"
    "{many@pair.test=one@pair.test two@pair.test},"
    '{first@pair.test="quoted first"@pair.test}}'
)
CANONICAL = {
    "canonical_maps": TABLE,
    "sender_canonical_maps": "inline:{{old@pair.test=oldsender@pair.test},{root=administrator}}",
    "recipient_canonical_maps": "inline:{{r1@pair.test=r2@pair.test},{plus@pair.test=minus@pair.test}}",
}
COPIES = {
    "sender_bcc_maps": "inline:{{old@pair.test=archive1@pair.test},{@a.pair.test=archive2}}",
    "recipient_bcc_maps": "inline:{{r1@pair.test=archive3@pair.test},{plus=archive4@pair.test}}",
    "always_bcc": "always@pair.test",
    "canonical_maps": "inline:{{archive2@pair.test=archive5@pair.test},{first@pair.test=r1@pair.test}}",
    "virtual_alias_maps": "inline:{{r1@pair.test=x1@pair.test,x2@pair.test}}",
}
ALIASES = {
    "virtual_alias_maps": 'inline:{{r1@pair.test=x1@pair.test, "quoted x"@pair.test,x2},{@gone.test=@pair.test},'
    "{first=first,second},{twice@pair.test=old@pair.test, old},{plus@pair.test=Name <plus2@pair.test>},"
    "{many@pair.test=a (b), group: c;}}"
}
PCRE = (
    r"pcre:{{/^(.*)@gone\.test$$/ $1@a.pair.test},{/^old(\+.*)?@pair\.test$$/ new$1@pair.test},"
    r'{/^"(.*)"@pair\.test$$/ $1@b.a.pair.test},{/^u(\d)(\d)*@(.*)$$/ ${2}-${1}@$3}}'
)
REGEXP = (
    r"regexp:{{/^(.*)@gone\.test$$/ $1@a.pair.test},{/^old(\+.*)?@pair\.test$$/ new$1@pair.test},"
    r"{/^(.*)@(.*)\.a\.pair\.test$$/ $2-$1@pair.test},{!/test$$/ notest@pair.test}}"
)
DAEMON = 'inline:{{mailer-daemon@pair.test=x@pair.test},{old@pair.test=mailer-daemon},{r1@pair.test=""},{""=nobody}}'
RELOCATED = {
    "relocated_maps": r"inline:{{old@pair.test=new@there.test or +1 555},{@gone.test=nowhere},"
    r"{joe=Joe\'s new home},{mixed@pair.test=x}}"
}
DOWN = {"relocated_maps": "fail:down"}
EMPTY = {"empty_address_recipient": "nobody"}
STRANGER = {"local_header_rewrite_clients": ""}
REMOTE_DOMAIN = {"remote_header_rewrite_domain": "domain.invalid"}

LANES: Final = {
    "plain": Lane(),
    "canonical": Lane(cleanup=CANONICAL),
    "classes": Lane(
        cleanup=CANONICAL
        | {
            "canonical_classes": "envelope_sender, header_recipient",
            "sender_canonical_classes": "header_sender",
            "recipient_canonical_classes": "envelope_recipient",
        }
    ),
    "masquerade": Lane(
        cleanup={
            "masquerade_domains": "!keep.pair.test pair.test",
            "masquerade_exceptions": "root, boss",
            "masquerade_classes": "envelope_sender, envelope_recipient, header_sender, header_recipient",
        }
    ),
    "default-masquerade": Lane(cleanup={"masquerade_domains": "a.pair.test Pair.Test"} | CANONICAL),
    "copies": Lane(cleanup=COPIES),
    "no-propagation": Lane(cleanup=CANONICAL | {"propagate_unmatched_extensions": ""}),
    "aliases": Lane(cleanup=ALIASES),
    "aliases-alone": Lane(cleanup=ALIASES | {"propagate_unmatched_extensions": "", "enable_original_recipient": "no"}),
    "pcre": Lane(cleanup={"canonical_maps": PCRE}),
    "regexp": Lane(cleanup={"canonical_maps": REGEXP}),
    "mailer-daemon": Lane(cleanup={"canonical_maps": DAEMON}),
    "stranger": Lane(smtpd=STRANGER, cleanup=CANONICAL),
    "remote-domain": Lane(STRANGER | REMOTE_DOMAIN, CANONICAL | REMOTE_DOMAIN, REMOTE_DOMAIN),
    "of-our-networks": Lane({"local_header_rewrite_clients": "permit_mynetworks"}, CANONICAL),
    "of-a-table": Lane({"local_header_rewrite_clients": "check_address_map inline:{{127.0.0.1=x}}"}, CANONICAL),
    "not-in-a-table": Lane({"local_header_rewrite_clients": "check_address_map inline:{{192.0.2.1=x}}"}, CANONICAL),
    "empty-address": Lane(EMPTY, {"canonical_maps": DAEMON} | EMPTY, EMPTY),
    "add-missing": Lane(
        STRANGER, {"always_add_missing_headers": "yes", "undisclosed_recipients_header": "To: undisclosed-recipients:;"}
    ),
    "delimiters": Lane({"recipient_delimiter": "+-="}, CANONICAL | COPIES | {"recipient_delimiter": "+-="}),
    "no-operators": Lane(
        cleanup=CANONICAL,
        rewrite={"append_dot_mydomain": "yes", "swap_bangpath": "no", "allow_percent_hack": "no"},
    ),
    "no-origin": Lane(cleanup=CANONICAL, rewrite={"append_at_myorigin": "no"}),
    "generic": Lane(smtp={"smtp_generic_maps": TABLE}),
    "generic-with-extension": Lane(smtp={"smtp_generic_maps": TABLE, "propagate_unmatched_extensions": "generic"}),
    "generic-of-strangers": Lane(smtpd=STRANGER, smtp={"smtp_generic_maps": TABLE}),
    "generic-pcre": Lane(smtp={"smtp_generic_maps": PCRE}),
    "canonical-and-generic": Lane(
        cleanup=CANONICAL, smtp={"smtp_generic_maps": "inline:{{@pair.test=@outside.test},{@a.pair.test=one@outside}}"}
    ),
    "relocated": Lane(RELOCATED, rewrite=RELOCATED),
    "relocated-down": Lane(DOWN, rewrite=DOWN),
    "exceptions-down": Lane(cleanup={"masquerade_domains": "pair.test", "masquerade_exceptions": "fail:down"}),
    "aliases-down": Lane(cleanup={"virtual_alias_maps": "fail:down"}),
    "copies-down": Lane(cleanup={"sender_bcc_maps": "fail:down"}),
    "header-map-down": Lane(cleanup={"canonical_maps": "fail:down", "canonical_classes": "header_sender"}),
    "limits": Lane(
        cleanup={
            "message_drop_headers": "to, resent-cc, x-other",
            "header_size_limit": "2000",
            "header_address_token_limit": "60",
        }
    ),
}
WHOLE: Final = ("plain", "canonical", "generic")
"""Lanes that get every case; each other gets one case in three, not the same as the next."""
KNOWN: Final = {
    ("", "value 'o\\x01ld@pair.test'"): "an address with a control character is none, and no table is asked for it",
    ("", "value 'o\\x7fld@pair.test'"): "the same",
    ("relocated-down", "envelope 47 -old@pair.test r1@pair.test "): "it is malformed whatever a table would say",
}
"""Cases in which a difference is meant, in a lane or in any."""
