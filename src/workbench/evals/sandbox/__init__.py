"""Programs that a model wrote are run here: in processes of their own that can do little harm.

>>> run("print(6 * 7)").stdout
'42\\n'
>>> check("def f(x): return x + 1", "f", "def check(f): assert f(1) == 2").passed
True

Covered, for an ordinary user and for root. On Linux: no network and no sockets at all (a seccomp
filter that lists what is allowed, so it holds for io_uring and for calls that are yet to come), no
new processes or programs, no signals to others, no ptrace; reads only Python and the system's
libraries, writes only in a temporary folder (Landlock from version 3; with an older kernel it
writes nowhere), which is the program's home and is removed; nothing of the environment; limits of
processor time, time by the clock, address space, size of a file, open files. All it started is
killed, also when this process dies. On macOS: ``sandbox-exec`` for the network, processes and
writing; the limit of memory is only a wish there. Where the network cannot be switched off, it
refuses, unless told ``unsafe=True``: then there are the limits and no more.

The verdict of :func:`check` comes from a second process that holds the tests and asks the program
through a pipe: leaving early, changed builtins, objects equal to everything or a look into frames
and /proc win nothing. :func:`run` has one process: a program that means to deceive can claim there
that it came to its end.

Not covered: mistakes of the kernel, what can be learned from timing, several thousand small files
within the time limit, and a program that answers right in the tests alone.
"""

from __future__ import annotations

from workbench.evals.sandbox.warden import Outcome, check, run

__all__ = ["Outcome", "check", "run"]
