"""anvil(8): count what clients and logins do, for all processes of smtpd together.

    anvil unix - - n - 1 anvil

smtpd(8) tells it of each connection, message request, recipient, AUTH command and new TLS session of clients that are
limited (smtpd_client_*_limit), and of the messages and recipients of those who have logged in
(smtpd_login_*_rate_limit), and compares what it answers with the limits. Nothing is limited here.

A rate is what came within anvil_rate_time_unit of the first of its kind (smtpd_login_rate_time_unit for logins); then a
new count begins. A client that has no connection, and whose time is over, is forgotten.

The log has the highest rates, counts and number of clients every anvil_status_update_time, and when the process ends:

    statistics: max connection rate 12/60s for (smtp:192.0.2.1) at ...
    statistics: max connection count 3 for (smtp:192.0.2.1) at ...
    statistics: max cache size 7 at Nov 26 10:14:01

Rights: those of mail_owner; no files. There is one process (process limit 1), which does not end by itself: two would
count apart.

Failures: what is counted is in memory only, and begins anew with the process. While it is away, smtpd limits nobody,
and says so in the log.

See: smtpd(8), master(5), postconf(5)

Inside: remotes.py counts (pure), daemon.py has the messages and the log.
"""
