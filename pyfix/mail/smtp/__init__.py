"""What smtpd and sendmail -bs say and understand alike: arguments of commands, and the texts of replies. Pure."""
