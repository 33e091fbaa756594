"""postlogd: write maillog_file.

Every process writes its finished log lines to a pipe that the master made, commands send theirs in datagrams to the
socket public/postlog; this one appends them to the file, so that only one process needs the right to write there, also
when the others are chrooted. The file is
opened anew when its name no longer leads to it: after `pyfix logrotate`, or after any other program has moved it.
A full disk costs log lines, never mail. See: maillog_file, maillog_file_prefixes, postlogd(8).
"""
