"""master(8): the supervisor of all processes.

    pyfix start

Reads master.cf, opens the sockets of all services, and starts a process when a client waits and none is free, up to the
limit of the service. Processes are forked, not executed: the master has loaded the code of all programs, without
running it, so that a process is there at once and shares its memory.

A process ends by itself after max_use clients or max_idle seconds without one. One that is stuck in a request for
daemon_timeout is ended. One that dies before it served anyone makes the master leave its service, and no other, alone
for service_throttle_time. A service for the network that has reached its limit is under stress, for its next clients
and until 1,000 seconds after: the parameter `stress` is then yes.

Signals, which `pyfix reload`, `stop` and `abort` send:

    SIGHUP    read main.cf and master.cf anew: new processes take over, the old ones finish what they have
    SIGTERM   stop: first what takes mail in, last the log; each group has master_stop_grace to finish
    SIGINT    stop at once

Promise: killed at any moment, it loses no message: every process notices, finishes what it has begun, and ends. A
second master on the same queue does not start.

Rights: started by root it stays root, and each process gets the rights that its line in master.cf says. It parses no
mail, opens no table, and reads nothing that a stranger can write. Started by an ordinary user, everything runs as that
user.

Failures: who starts it is told, and so is the log. After a reload with a mistake in a file it goes on as before.

Files:

    main.cf, master.cf   in config_directory
    pid/master.pid       below the queue directory; locked while the master runs

See: master(5), postconf(5), pyfix(1), postlogd(8)

Inside: decide.py holds every decision, without a system call; supervisor.py performs them. state.py and events.py are
what they talk in, services.py and listen.py what master.cf makes of it, control.py what `pyfix start` and its sisters
do.
"""
