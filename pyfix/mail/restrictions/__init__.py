"""restrictions(5): who may connect, relay, send and receive.

    smtpd_recipient_restrictions = restriction, restriction, ...

smtpd(8) reads a list of restrictions at each stage of the dialogue. A list is read from left to right: the first
restriction that permits or refuses decides for that list, a list that ends undecided permits.

    smtpd_client_restrictions        when a client connects
    smtpd_helo_restrictions          HELO and EHLO
    smtpd_sender_restrictions        MAIL
    smtpd_relay_restrictions         RCPT; who may send to which domains
    smtpd_recipient_restrictions     RCPT
    smtpd_data_restrictions          DATA and BDAT
    smtpd_end_of_data_restrictions   the end of the message

With smtpd_delay_reject the first three are read at RCPT, so that a refusal is logged with both addresses. Relay and
recipient restrictions must both agree. Mail for the postmaster is always taken (RFC 5321 section 4.5.1). Behind the
lists smtpd_reject_unlisted_recipient refuses recipients that do not exist, and behind that of the sender
smtpd_reject_unlisted_sender does the same for senders.

The restrictions:

    permit, reject, defer         what they say; reject_code, defer_code
    permit_mynetworks             permit clients in `mynetworks`
    permit_auth_destination       permit recipients whose mail ends here, or in relay_domains
    reject_unauth_destination     refuse all others: relay_domains_reject_code
    defer_unauth_destination      the same, for now
    reject_unlisted_recipient     refuse recipients that the tables of their domain do not list
    reject_unlisted_sender        refuse senders in our domains that the tables of these do not list
    check_client_access table     as access(5) says, for the name and the address of the client
    check_helo_access table       for the name in HELO and EHLO
    check_sender_access table     for the sender
    check_recipient_access table  for the recipient
    check_sasl_access table       for the login, as it is
    table                         alone, as type:name: the check of the list that it stands in
    permit_sasl_authenticated     permit who has logged in, other than anonymously
    permit_tls_clientcerts        permit who shows a certificate whose fingerprint, or that of its key, is in
                                  relay_clientcerts; smtpd_tls_ask_ccert has to be on
    permit_tls_all_clientcerts    the same, and permit whoever has a trusted one
    check_ccert_access table      as access(5) says, for the fingerprint of the certificate, then that of its key
    reject_plaintext_session      refuse who has not encrypted: plaintext_reject_code
    defer_if_permit               refuse for now, unless a later restriction refuses for good
    defer_if_reject               refuse for now, if a later restriction refuses
    warn_if_reject                ahead of a restriction: log what it would refuse, and go on

Who may use which sender address, by smtpd_sender_login_maps, which gives it to one login or several:

    reject_authenticated_sender_login_mismatch    refuse senders that are not the login's in smtpd_sender_login_maps
    reject_unauthenticated_sender_login_mismatch  refuse senders that are a login's from who has not logged in
    reject_sender_login_mismatch                  both
    reject_known_sender_login_mismatch            both, but a login may use senders that are nobody's

A name of smtpd_restriction_classes is a word, too: a parameter of this name has the list that it stands for. In access
tables only such a list may have restrictions that need a table:

    smtpd_restriction_classes = from_partners
    from_partners = check_client_access cidr:/etc/pyfix/partners, reject

Failures: a table or a neighbour that can't be asked is `451 4.3.0`. A word that is no restriction, or one of Postfix's
that is not built, answers `451 4.3.5` when it is reached, and is named in the log: mail waits until somebody has
corrected it, and none is refused for good.

See: access(5), smtpd(8)

Inside:

    parse.py      words of smtpd_*_restrictions -> Restriction values
    evaluate.py   the order of stages and lists, what an outcome means; pure
    progress.py   the rules of a process, and how far an evaluation has come
    logins.py     who owns a sender address
    recipient.py  relay permission and the recipient tables
    access.py     what the right-hand side of an access table says
    questions.py  what an evaluation asks, and what it answers
    params.py, tables.py, search.py   the parameters, the tables opened, how they are searched

An evaluation is a generator: it yields a question (look this up, resolve that), gets the answer sent in, and
returns a Decision. So it never touches a table or a socket, and a test plays the world with a dictionary.
smtpd answers with what trivial-rewrite says, `pyfix explain` from the tables alone.
"""
