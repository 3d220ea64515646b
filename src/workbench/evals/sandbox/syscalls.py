"""The system calls that a program in the sandbox may make, as a seccomp filter.

What is not listed is refused with EPERM: sockets of every kind, new processes and programs, signals
to others, ptrace, io_uring, bpf, mounts, changes of modes and owners, and whatever comes after this
list was made. Runs inside the sandbox, under a bare Python: standard library only.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform

#: Each call with its number on x86-64 and on arm64 (from the kernel's headers); "-" has none there.
CALLS = """
read 0 63, write 1 64, close 3 57, lseek 8 62, pread64 17 67, pwrite64 18 68, readv 19 65,
writev 20 66, preadv 295 69, pwritev 296 70, copy_file_range 326 285, sendfile 40 71,
stat 4 -, fstat 5 80, lstat 6 -, newfstatat 262 79, statx 332 291, statfs 137 43, fstatfs 138 44,
access 21 -, faccessat 269 48, faccessat2 439 439, readlink 89 -, readlinkat 267 78,
getdents 78 -, getdents64 217 61, getcwd 79 17, chdir 80 49, fchdir 81 50, umask 95 166,
ioctl 16 29, fcntl 72 25, flock 73 32, fsync 74 82, fdatasync 75 83, dup 32 23, dup2 33 -,
dup3 292 24, pipe 22 -, pipe2 293 59, close_range 436 436, eventfd2 290 19,
poll 7 -, ppoll 271 73, select 23 -, pselect6 270 72, epoll_create1 291 20, epoll_ctl 233 21,
epoll_wait 232 -, epoll_pwait 281 22,
mmap 9 222, mprotect 10 226, munmap 11 215, mremap 25 216, madvise 28 233, brk 12 214,
msync 26 227, mincore 27 232, membarrier 324 283, arch_prctl 158 -,
rt_sigaction 13 134, rt_sigprocmask 14 135, rt_sigreturn 15 139, rt_sigpending 127 136,
rt_sigsuspend 130 133, rt_sigtimedwait 128 137, sigaltstack 131 132, pause 34 -, alarm 37 -,
setitimer 38 103, getitimer 36 102, restart_syscall 219 128,
futex 202 98, set_robust_list 273 99, get_robust_list 274 100, rseq 334 293,
set_tid_address 218 96, sched_yield 24 124, sched_getaffinity 204 123, sched_getparam 143 121,
sched_getscheduler 145 120, sched_get_priority_max 146 125, sched_get_priority_min 147 126,
getcpu 309 168, nanosleep 35 101, clock_nanosleep 230 115, clock_gettime 228 113,
clock_getres 229 114, gettimeofday 96 169, time 201 -, times 100 153, getrandom 318 278,
getpid 39 172, getppid 110 173, gettid 186 178, getuid 102 174, geteuid 107 175, getgid 104 176,
getegid 108 177, getgroups 115 158, getpgid 121 155, getpgrp 111 -, getsid 124 156,
getrusage 98 165, getrlimit 97 163, sysinfo 99 179, uname 63 160, wait4 61 260, waitid 247 95,
exit 60 93, exit_group 231 94
"""
#: Calls that change the file system: allowed where Landlock keeps them in the temporary folder.
CHANGES = """
open 2 -, openat 257 56, rename 82 -, renameat 264 38, renameat2 316 276, mkdir 83 -,
mkdirat 258 34, rmdir 84 -, unlink 87 -, unlinkat 263 35, ftruncate 77 46
"""
ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7), "arm64": (1, 0xC00000B7)}

LOAD, EQUAL, GREATER, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL = 0x7FFF0000, 0x80000000
DENY, ABSENT = 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS
CLONE_THREAD = 0x10000
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
Step = tuple[int, int, int, int]  # operation, jump if true, jump if false, constant


class _Filter(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort), ("yes", ctypes.c_ubyte), ("no", ctypes.c_ubyte),
        ("k", ctypes.c_uint32),
    )  # fmt: skip


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filters", ctypes.POINTER(_Filter)))


def _numbers(text: str, column: int) -> dict[str, int]:
    rows = [entry.split() for entry in text.replace("\n", " ").split(",")]
    return {name: int(at[column]) for name, *at in rows if at[column] != "-"}


def _arg(index: int, high: bool = False) -> Step:
    """Load half of a call's argument; both architectures keep the low half first."""
    return (LOAD, 0, 0, 16 + 8 * index + 4 * high)


def _when(number: int, *steps: Step) -> list[Step]:
    """These steps for the call of this number; the others pass by."""
    return [(EQUAL, 0, len(steps), number), *steps]


def program(writes: bool, machine: str, pid: int) -> list[Step]:
    """The filter's steps; ``writes``: files may be changed. Raises OSError on another machine."""
    if machine not in ARCHITECTURES:
        raise OSError(errno.ENOSYS, f"no list of system calls for {machine}")
    column, audit = ARCHITECTURES[machine]
    yes, no = (RETURN, 0, 0, ALLOW), (RETURN, 0, 0, DENY)
    steps: list[Step] = [
        (LOAD, 0, 0, 4), (EQUAL, 1, 0, audit), (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, 0), (GREATER, 0, 1, 0x40000000), no,  # the x32 calls of x86-64
    ]  # fmt: skip
    for number in _numbers(CALLS, column).values():
        steps += _when(number, yes)
    for name, number in _numbers(CHANGES, column).items():
        if writes:
            steps += _when(number, yes)
        elif name.startswith("open"):
            flags = _arg(1 if name == "open" else 2)
            steps += _when(number, flags, (ANY_BIT, 1, 0, WRITING), yes, no)
    own = _numbers("clone 56 220, prlimit64 302 261, kill 62 129, tgkill 234 131", column)
    # Threads, not processes; limits may be read, not set; signals to itself alone.
    steps += _when(own["clone"], _arg(0), (ANY_BIT, 0, 1, CLONE_THREAD), yes, no)
    zero = (_arg(2), (EQUAL, 0, 3, 0), _arg(2, True), (EQUAL, 0, 1, 0))
    steps += _when(own["prlimit64"], *zero, yes, no)
    for name in ("kill", "tgkill"):
        steps += _when(own[name], _arg(0), (EQUAL, 0, 1, pid), yes, no)
    steps += _when(435, (RETURN, 0, 0, ABSENT))  # clone3: the C library goes back to clone
    return [*steps, no]


def install(writes: bool) -> None:
    """Refuse all but the listed calls from now on. Raises OSError where that cannot be."""
    steps = program(writes, platform.machine(), os.getpid())
    filters = (_Filter * len(steps))(*(_Filter(*step) for step in steps))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(  # no new privileges, then the filter
        22, 2, ctypes.byref(_Program(len(steps), filters)), 0, 0
    ):
        raise OSError(ctypes.get_errno(), "the kernel takes no seccomp filter")
