"""What scripts/run --demo shows: a message sent with a login over TLS, and fetched by POP3 over TLS.

demo.py USER SUBMISSION-PORT POP3-PORT CERTIFICATE, with the password on standard input.
"""

from __future__ import annotations

import poplib
import smtplib
import ssl
import sys
import time

DEADLINE_S = 30.0
HOST = "localhost"


def main() -> int:
    """Return the exit status."""
    user, submission, pop3, certificate = sys.argv[1:]
    password = sys.stdin.readline().rstrip("\n")
    trust = ssl.create_default_context(cafile=certificate)
    subject = f"pyfix demo {time.time():.0f}"
    with smtplib.SMTP(HOST, int(submission), timeout=DEADLINE_S) as smtp:
        smtp.starttls(context=trust)
        smtp.login(user, password)
        smtp.sendmail(user, [user], f"From: Alice <{user}>\r\nTo: {user}\r\nSubject: {subject}\r\n\r\nIt works.\r\n")
    told = f"sent by {user} on port {submission}, after STARTTLS and AUTH; fetching it on port {pop3}, after STLS:\n\n"
    sys.stdout.write(told)
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        if message := fetch(user, password, int(pop3), trust, subject):
            sys.stdout.write(message + "\n")
            return 0
        time.sleep(0.2)  # somebody is watching: no file to wait for, as in a test
    sys.stderr.write("the message did not arrive; the log says why\n")
    return 1


def fetch(user: str, password: str, port: int, trust: ssl.SSLContext, subject: str) -> str:
    """Return the last message if it is the one with the subject."""
    pop3 = poplib.POP3(HOST, port, timeout=DEADLINE_S)
    try:
        pop3.stls(trust)
        pop3.user(user)
        pop3.pass_(password)
        count = pop3.stat()[0]
        text = b"\n".join(pop3.retr(count)[1]).decode() if count else ""
    finally:
        pop3.quit()
    return text if f"Subject: {subject}\n" in text else ""


if __name__ == "__main__":
    sys.exit(main())
