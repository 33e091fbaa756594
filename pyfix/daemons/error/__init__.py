"""error - bounce or defer mail for the reason that the nexthop gives

Serves two names of master.cf. As "retry" it defers every recipient; under any other name it bounces. The nexthop is an
optional RFC 3463 code and the text for the log and the sender. A code of the other class is replaced by the general
one of this. Needs no rights and reads no content.
"""
