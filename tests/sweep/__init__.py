"""The fault sweep: no write is ever lost, doubled, unaudited or misreported.

Six kinds of write, through every fault the sandbox knows and a kill at every moment, one case after another:
`python -m tests.sweep` (or `make sweep`). Everything is real: each case has a SQLite file, a sandbox process
behind a socket, a process in which a person fills in the form and sends it, and, where that process is to die,
a SIGKILL. A second process then starts on what the first left behind, settles by looking, and sends the very
same form once more. The sandbox's journal says what happened; `judge` compares it with what our history says
and with what the person was told.

    cases            what is tried: the fixed list
    company          the other side: a small company behind a sandbox on a port
    line             the sandbox's control calls
    kinds            how a person makes each kind of write
    crash            where a process dies
    person           the two processes of a case
    judge            what is wrong, if anything
    control_writer   a plain writer through the same sweep: it shows that the sweep can fail
    slots            one slot: a sandbox, a database, case after case
    report           the table
"""
