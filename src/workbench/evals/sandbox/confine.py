"""A process gives up what a program under test does not need: limits, files, network, processes.

Runs inside the sandbox, under a bare Python: standard library only. What is given up cannot be had
back by this process.
"""

from __future__ import annotations

import ctypes
import math
import os
import resource
import sys

import syscalls

#: Landlock's rights on files, as bits; the second group came with later versions of Landlock.
WRITE_FILE, READ_FILE, READ_DIR, ALL_FIRST = 1 << 1, 1 << 2, 1 << 3, (1 << 13) - 1
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
#: The least version that also keeps files outside from being cut short.
WRITES_FROM = 3


def confine(folder: str, seconds: float, memory_mb: int, file_mb: int, unsafe: bool) -> None:
    """Keep to ``folder``, without a network and new processes, within the limits.

    Raises OSError where the network cannot be switched off, unless ``unsafe``.
    """
    _limits(seconds, memory_mb, file_mb)
    if sys.platform != "linux":  # macOS: sandbox-exec has done the rest before Python started
        return
    try:
        _die_with_parent()
        version = _landlock(folder)
        syscalls.install(writes=version >= WRITES_FROM)
    except OSError:
        if not unsafe:
            raise


def _limits(seconds: float, memory_mb: int, file_mb: int) -> None:
    cpu = max(1, math.ceil(seconds))
    limits = {
        resource.RLIMIT_CPU: (cpu, cpu + 1),
        resource.RLIMIT_FSIZE: (file_mb << 20, file_mb << 20),
        resource.RLIMIT_NOFILE: (64, 64),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_AS: (memory_mb << 20, memory_mb << 20),
    }
    for what, (soft, hard) in limits.items():
        try:
            resource.setrlimit(what, (soft, hard))
        except (ValueError, OSError):
            if sys.platform == "linux":  # macOS knows no limit of address space
                raise


def _die_with_parent() -> None:
    """Killed when the parent ends; memory and descriptors closed to others of the same user."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(1, 9, 0, 0, 0)
    libc.prctl(4, 0, 0, 0, 0)


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64)
    )  # fmt: skip


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def _landlock(folder: str) -> int:
    """Reading of Python and its libraries, writing in the folder, nothing else; 0 where unknown.

    Returns the kernel's version of Landlock.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(CREATE_RULESET, None, 0, 1)
    if version < 1:
        return 0
    files = ALL_FIRST
    for since, right in ((2, REFER), (3, TRUNCATE), (5, IOCTL_DEV)):
        files |= right if version >= since else 0
    rules = _Ruleset(files, 0b11 if version >= 4 else 0, 0b11 if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = libc.syscall(CREATE_RULESET, ctypes.byref(rules), size, 0)
    if ruleset < 0:
        raise OSError(ctypes.get_errno(), "Landlock takes no rules")
    for path in (sys.base_prefix, "/usr", "/lib", "/lib64"):
        _allow(libc, ruleset, path, READ_FILE | READ_DIR)
    for device in ("/dev/null", "/dev/zero", "/dev/urandom"):
        _allow(libc, ruleset, device, READ_FILE | (WRITE_FILE if device == "/dev/null" else 0))
    _allow(libc, ruleset, folder, files)
    if libc.prctl(38, 1, 0, 0, 0) or libc.syscall(RESTRICT_SELF, ruleset, 0):
        raise OSError(ctypes.get_errno(), "Landlock does not restrict this process")
    os.close(ruleset)
    return version


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    try:
        there = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    rule = _Beneath(rights, there)
    failed = libc.syscall(ADD_RULE, ruleset, 1, ctypes.byref(rule), 0)
    os.close(there)
    if failed:
        raise OSError(ctypes.get_errno(), f"Landlock takes no rule for {path}")
