"""error(8), retry(8): bounce or defer mail for the reason that the next hop gives.

    error unix - - n - - error
    retry unix - - n - - error

One program serves two names of master.cf. As retry it defers every recipient; under any other name it bounces. The next
hop is the text for the log and the sender, with or without an RFC 3463 code before it. A code of the other class is
replaced by the general one of this.

Rights: it runs as mail_owner, may be chrooted, and reads no content.

Example: mail to a domain that is no more

    # transport_maps
    old.example.com   error:5.1.2 This domain has closed

See: transport(5), relocated(5), qmgr(8), bounce(8)
"""
