"""ExtMan's two SQL files, in the form in which they have lain on servers since MySQL 4: for who imports them.

The columns, their order and the sample rows are those of ExtMan 1.1.
"""

from __future__ import annotations

_NAME = "varchar(255) NOT NULL default ''"
_TEXT = "text NOT NULL default ''"
_FLAG = "smallint(1)"
_CREATED = "datetime NOT NULL default '0000-00-00 00:00:00'"
_EXPIRES = "DATE NOT NULL default '0000-00-00'"
_ACTIVE = "tinyint(1) NOT NULL default '1'"
_SIZE = "varchar(16) NOT NULL default '0'"
_DISABLED = {f"disable{name}": _FLAG for name in ("smtpd", "smtp", "webmail", "netdisk", "imap", "pop3")}
_TABLES = {
    "manager": {
        "username": _NAME, "password": _NAME, "type": "varchar(64) NOT NULL default 'postmaster'", "uid": _NAME,
        "name": _NAME, "question": _TEXT, "answer": _TEXT, "disablepwdchange": _FLAG, "createdate": _CREATED,
        "expiredate": _EXPIRES, "active": _ACTIVE,
    },
    "alias": {
        "address": _NAME, "goto": "text NOT NULL", "domain": _NAME, "createdate": _CREATED, "active": _ACTIVE,
    },
    "domain": {
        "domain": _NAME, "description": _NAME, "hashdirpath": _NAME, "maxalias": "int(10) NOT NULL default '0'",
        "maxusers": "int(10) NOT NULL default '0'", "maxquota": _SIZE, "maxnetdiskquota": _SIZE,
        "transport": "varchar(255) default NULL", "can_signup": "tinyint(1) NOT NULL default '0'",
        "default_quota": "varchar(255) default NULL", "default_netdiskquota": "varchar(255) default NULL",
        "default_expire": "varchar(12) default NULL", **_DISABLED, "createdate": _CREATED, "expiredate": _EXPIRES,
        "active": _ACTIVE,
    },
    "domain_manager": {"username": _NAME, "domain": _NAME, "createdate": _CREATED, "active": _ACTIVE},
    "mailbox": {
        "username": _NAME, "uid": _NAME, "password": _NAME, "clearpwd": "varchar(128) NOT NULL default ''",
        "name": _NAME, "mailhost": _NAME, "maildir": _NAME, "homedir": _NAME, "quota": _SIZE, "netdiskquota": _SIZE,
        "domain": _NAME, "uidnumber": "int(6) NOT NULL default '1000'", "gidnumber": "int(6) NOT NULL default '1000'",
        "createdate": _CREATED, "expiredate": _EXPIRES, "active": "smallint(1) NOT NULL default '1'",
        "disablepwdchange": _FLAG, **_DISABLED, "question": _TEXT, "answer": _TEXT,
    },
}  # fmt: skip


def _create(name: str, columns: dict[str, str]) -> str:
    lines = [f"  {column} {kind},\n" for column, kind in columns.items()]
    key = next(iter(columns))
    primary = f"  PRIMARY KEY  ({key}),\n" if name != "domain_manager" else ""
    body = f"{''.join(lines)}{primary}  KEY {key} ({key})\n"
    return f"/* Table {name} */\nCREATE TABLE {name} (\n{body}) TYPE=MyISAM COMMENT='{name}';\n"


TABLES = [_create(name, columns) for name, columns in _TABLES.items()]
SCHEMA = f"""\
/*
 The structure; a comment over
 several lines, with 'quotes and; semicolons.
*/

USE mysql
delete FROM user where User in ('extmail','webman');
INSERT INTO user (Host, User, Password) VALUES ('localhost','extmail',password('extmail'));
INSERT INTO mysql.db (Host, Db, User, Select_priv) VALUES ('localhost','extmail','extmail','Y');
FLUSH PRIVILEGES;
GRANT SELECT, UPDATE ON extmail.* TO extmail@localhost;
CREATE DATABASE extmail;
USE extmail;

{"".join(TABLES)}"""
"""extmail.sql."""
INIT = """\
/* The first domain, mailbox, alias and manager. */
USE extmail;

INSERT INTO `domain` VALUES ('extmail.org','virtualDomain for extmail.org','A0/B0',50,50,'1073741824','1073741824','',1,
  '5242880','5242880','1y',0,0,0,0,1,0,'2007-02-14 15:10:04','2010-11-08',1);
INSERT INTO alias VALUES ('support@extmail.org', 'postmaster@extmail.org', 'extmail.org', '2007-02-14 15:10:04', 1);
INSERT INTO manager VALUES ('root@extmail.org','$1$BrT9qxfB$Ha81Mb5YVV6rNKNN5jmtj1','admin','root','Super User',
  'my question','my answer',0,'2007-02-14 15:10:04','2010-11-08',1);
INSERT INTO domain_manager VALUES ('root@extmail.org','extmail.org','2007-02-14 15:10:04',1);
INSERT INTO mailbox VALUES ('postmaster@extmail.org','postmaster','$1$phz1mRrj$3ok6BjeaoJYWDBsEPZb5C0','',
  'PostMaster','','extmail.org/postmaster/Maildir/','extmail.org/postmaster','104857600S','52428800S','extmail.org',1000,1000,
  '2007-02-14 15:10:04','2010-11-08',1,0,0,0,0,0,0,0,'my question','my answer');
"""
"""init.sql."""
