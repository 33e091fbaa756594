"""The site that the tutorial builds: ExtMail's database in a MariaDB, and its configuration files, paths aside."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import extmail
from databases import Database, mariadb_run
from instance import StockInstance, free_port

OWNER = "postmaster@extmail.org"
ALIAS = "support@extmail.org"
PASSWORD = "extmail"
QUOTA_TEXT = (
    "Sorry, the user's maildir has overdrawn his diskspace quota, please Tidy your mailbox and try again later."
)
UID = 2525 if os.getuid() == 0 else os.getuid()

MAIN_CF = """\
myhostname = mail.f273c.com
mydestination =
mynetworks = 192.168.1.0/24

############################CYRUS-SASL############################
broken_sasl_auth_clients = yes
smtpd_recipient_restrictions=permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
smtpd_sasl_auth_enable = yes
smtpd_sasl_local_domain = $myhostname
smtpd_sasl_security_options = noanonymous
smtpd_sasl_path = smtpd
smtpd_banner = Welcome to our $myhostname ESMTP,Warning: Version not Available!

########################Virtual Mailbox Settings########################
virtual_mailbox_base = /var/mailbox
virtual_mailbox_maps = mysql:/etc/postfix/mysql_virtual_mailbox_maps.cf
virtual_mailbox_domains = mysql:/etc/postfix/mysql_virtual_domains_maps.cf
virtual_alias_domains =
virtual_alias_maps = mysql:/etc/postfix/mysql_virtual_alias_maps.cf
virtual_uid_maps = static:2525
virtual_gid_maps = static:2525
virtual_transport = virtual
maildrop_destination_recipient_limit = 1
maildrop_destination_concurrency_limit = 1
##########################QUOTA Settings########################
message_size_limit = 14336000
virtual_mailbox_limit = 20971520
virtual_create_maildirsize = yes
virtual_mailbox_extended = yes
virtual_mailbox_limit_maps = mysql:/etc/postfix/mysql_virtual_mailbox_limit_maps.cf
virtual_mailbox_limit_override = yes
virtual_maildir_limit_message = Sorry, the user's maildir has overdrawn his diskspace quota, please Tidy your mailbox \
and try again later.
virtual_overquota_bounce = yes
"""
SMTPD_CONF = """\
pwcheck_method: authdaemond
log_level: 3
mech_list:PLAIN LOGIN
authdaemond_path:/usr/local/courier-authlib/var/spool/authdaemon/socket
"""
AUTHMYSQLRC = """\
MYSQL_SERVER localhost
MYSQL_PORT 3306
MYSQL_USERNAME  extmail
MYSQL_PASSWORD extmail
MYSQL_SOCKET  /var/lib/mysql/mysql.sock
MYSQL_DATABASE  extmail
MYSQL_USER_TABLE  mailbox
MYSQL_CRYPT_PWFIELD  password
MYSQL_UID_FIELD  '2525'
MYSQL_GID_FIELD  '2525'
MYSQL_LOGIN_FIELD  username
MYSQL_HOME_FIELD  concat('/var/mailbox/',homedir)
MYSQL_NAME_FIELD  name
MYSQL_MAILDIR_FIELD  concat('/var/mailbox/',maildir)
"""
DOVECOT_MYSQL_CONF = """\
driver = mysql
connect = host=/tmp/mysql.sock dbname=extmail user=extmail password=extmail
default_pass_scheme = CRYPT
password_query = SELECT username AS user,password AS password FROM mailbox WHERE username = '%u'
user_query = SELECT maildir, uidnumber AS uid, gidnumber AS gid FROM mailbox WHERE username = '%u'
"""
MAPS = {
    "alias": ("alias", "goto", "address"),
    "domains": ("domain", "domain", "domain"),
    "mailbox": ("mailbox", "maildir", "username"),
    "mailbox_limit": ("mailbox", "quota", "username"),
    "sender": ("mailbox", "username", "username"),
}
"""ExtMan's mysql_virtual_*_maps.cf: table, select_field, where_field. The last is called limit there."""


def load_database(path: Path) -> None:
    """Do what the tutorial does with extmail.sql and init.sql: another type of tables, and a user of the server."""
    mariadb_run(path, "CREATE DATABASE extmail")
    mariadb_run(path, "GRANT SELECT, UPDATE ON extmail.* TO extmail@localhost IDENTIFIED BY 'extmail'")
    rows = re.sub(r"/\*.*?\*/|USE \w+;", "", extmail.INIT, flags=re.DOTALL).split(";\n")
    for statement in (*(table.replace("TYPE=MyISAM", "ENGINE=InnoDB") for table in extmail.TABLES), *rows):
        if statement.strip():
            mariadb_run(path, statement, database="extmail")


class TutorialInstance(StockInstance):
    """The files that ship, with the tutorial's lines behind them."""

    pop3: int
    """Its port."""
    mailbox: Path
    """/var/mailbox."""
    database: Path
    """The server's socket."""

    def _lay_out(self) -> int:
        port = super()._lay_out()
        self.pop3 = free_port()
        self.mailbox = self.directory / "var" / "mailbox"
        self.mailbox.mkdir(parents=True)
        os.chown(self.mailbox, UID, -1)
        with open(self.etc / "main.cf", "a") as file:
            file.write(self.here(MAIN_CF))
        (self.etc / "smtpd.conf").write_text(SMTPD_CONF)
        self.set(cyrus_sasl_config_path=str(self.etc))
        self.add_service(f"127.0.0.1:{self.pop3} inet n - n - - pop3-login")
        return port

    def here(self, text: str) -> str:
        """Return a file of the tutorial's with the paths and the user of this instance."""
        return (
            text.replace("/var/mailbox", str(self.mailbox))
            .replace("/etc/postfix", str(self.etc))
            .replace("2525", str(UID))
        )

    def connect_database(self, database: Database) -> None:
        """Write what tells the database's place."""
        self.database = database.path
        for name, (table, select, where) in MAPS.items():
            (self.etc / f"mysql_virtual_{name}_maps.cf").write_text(
                f"user = extmail\npassword = extmail\nhosts = unix:{database.path}\ndbname = extmail\n"
                f"table = {table}\nselect_field = {select}\nwhere_field = {where}\n"
                "additional_conditions = AND active = '1'\n"
            )
        rc = self.here(AUTHMYSQLRC).replace("/var/lib/mysql/mysql.sock", str(database.path))
        (self.etc / "authmysqlrc").write_text(rc)
        (self.etc / "dovecot-mysql.conf").write_text(DOVECOT_MYSQL_CONF.replace("/tmp/mysql.sock", str(database.path)))


class Telnet:
    """A session by hand."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 30)
        self._lines = self._socket.makefile("rb")

    def read(self) -> str:
        """Return the next line."""
        return self._lines.readline().decode().rstrip("\r\n")

    def type(self, line: str) -> str:
        """Type a line, and return the first line of the answer."""
        self._socket.sendall(f"{line}\r\n".encode())
        return self.read()

    def read_all(self, end: str = ".") -> list[str]:
        """Return the lines up to one that says that there are no more."""
        return list(iter(self.read, end))

    def ehlo(self, name: str) -> list[str]:
        """Type EHLO, and return all lines of the answer."""
        lines = [self.type(f"ehlo {name}")]
        while lines[-1][3:4] == "-":
            lines.append(self.read())
        return lines

    def __enter__(self) -> Telnet:
        return self

    def __exit__(self, *exception: object) -> None:
        self._lines.close()
        self._socket.close()
