"""The parameters that more than one room of the house uses.

Defaults are those of Postfix 3.7, with three exceptions: configuration, queue and data have directories of their own
(/etc/pyfix, /var/spool/pyfix, /var/lib/pyfix), since a real Postfix may live on the same machine and the two must never
work on one queue. A parameter that belongs to one room is declared there.
See: postconf(5).
"""

from __future__ import annotations

from pyfix.base.log import FACILITIES
from pyfix.mail.config.networks import STYLES
from pyfix.mail.config.parameters import Boolean, Choice, Integer, Level, ListOf, ParameterSet, Seconds, String

DEFAULT_CONFIG_DIRECTORY = "/etc/pyfix"


class CoreParameters(ParameterSet):
    """What every process may ask for."""

    compatibility_level = Level("0", "The Postfix release whose defaults apply: 0, 1, 2, 3.6 and later.")

    myhostname = String("", "The fully qualified name of this machine.", low=1)
    mydomain = String("", "The domain of this machine: myhostname without its first label.", low=1)
    myorigin = String("$myhostname", "The domain that local mail appears to come from.", low=1)
    mydestination = String("$myhostname, localhost.$mydomain, localhost", "Domains delivered to Unix users here.")
    mynetworks = String("", "Networks of clients that may relay.")
    mynetworks_style = Choice(
        "${{$compatibility_level} <level {2} ? {subnet} : {host}}", STYLES, "How the default of mynetworks is made."
    )
    inet_interfaces = ListOf("all", "Addresses that mail is received on.")
    inet_protocols = ListOf("all", "ipv4, ipv6 or all.")
    proxy_interfaces = ListOf("", "Addresses of a proxy or NAT box that mail is received through.")

    config_directory = String(DEFAULT_CONFIG_DIRECTORY, "Where main.cf and master.cf are.", low=1)
    queue_directory = String("/var/spool/pyfix", "The mail queue; processes work in it.", low=1)
    data_directory = String("/var/lib/pyfix", "Data that processes keep between runs; owned by mail_owner.", low=1)

    mail_owner = String("postfix", "The user that owns the queue and runs most processes.", low=1)
    setgid_group = String("postdrop", "The group that may submit mail while the mail system is down.", low=1)

    mail_name = String("Postfix", "The name of the mail system in greetings and Received: lines.", low=1)
    mail_version = String("0.1.0", "The version of the mail system.", low=1)
    multi_instance_name = String("", "The name of this one of several mail systems on a machine.")
    syslog_name = String(
        "${multi_instance_name?{$multi_instance_name}:{postfix}}", "Prefix of names in the log.", low=1
    )
    mailbox_syslog_name = String(
        "${multi_instance_name?{$multi_instance_name}:{dovecot}}",
        "The name, in the log, of the programs that serve mailboxes: their lines are in Dovecot's words, and tools that"
        " read those look for Dovecot's name.",
        low=1,
    )
    syslog_facility = Choice("mail", tuple(FACILITIES), "The syslog facility of the log.")
    maillog_file = String("", "The log file, or /dev/stdout; empty: syslog.")
    maillog_file_prefixes = ListOf("/var, /dev/stdout", "What maillog_file must begin with.")

    process_id = Integer("", "The process id of this process; read only.")
    process_name = String("", "The program name of this process; read only.")
    service_name = String("", "The master.cf service name of this process; read only.")
    stress = String("", "yes for new clients of a public service that has, or lately had, no place left for clients.")

    ipc_timeout = Seconds("3600s", "How long another process of the mail system may take.", low=1)
    ipc_idle = Seconds("5s", "How long an idle connection between processes is kept.", low=1)
    max_use = Integer("100", "Connections that a process serves before it ends.", low=1)
    max_idle = Seconds("100s", "How long an idle process stays.", low=1)
    default_process_limit = Integer("100", "Processes a service where master.cf has no limit.", low=1)
    export_environment = ListOf("TZ MAIL_CONFIG LANG", "Environment that commands outside the mail system get.")

    bounce_service_name = String("bounce", "The service that keeps and returns failed recipients.", low=1)
    cleanup_service_name = String("cleanup", "The service that puts new mail into the queue.", low=1)
    defer_service_name = String("defer", "The service that keeps delayed recipients.", low=1)
    pickup_service_name = String("pickup", "The service that takes local submissions.", low=1)
    postlog_service_name = String("postlog", "The service that writes maillog_file.", low=1)
    queue_service_name = String("qmgr", "The service that manages the queue.", low=1)
    soft_bounce = Boolean("no", "Defer mail that would otherwise be returned, and refuse no mail for good.")
    rewrite_service_name = String("rewrite", "The service that rewrites and resolves addresses.", low=1)
    showq_service_name = String("showq", "The service that lists the queue.", low=1)
    trace_service_name = String("trace", "The service that reports deliveries.", low=1)
