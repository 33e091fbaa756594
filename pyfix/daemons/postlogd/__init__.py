"""postlogd(8): write maillog_file.

    postlog unix-dgram n - n - 1 postlogd

Every process writes its finished log lines to a pipe that the master made, commands send theirs in datagrams to the
socket public/postlog; this one appends them to the file, so that only one process needs the right to write there, also
when the others are chrooted. Without maillog_file the log goes to syslog, and nobody needs this service.

The file is opened anew when its name no longer leads to it: after `pyfix logrotate`, or after any other program has
moved it. Its name must begin with one of maillog_file_prefixes.

Failures: a full disk costs log lines, never mail.

See: pyfix-logrotate(1), master(8)
"""
