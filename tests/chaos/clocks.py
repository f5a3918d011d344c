"""The wall clock is set back and forth while the pipeline runs: a preloaded library changes what it is told."""

import shutil
import subprocess
import time
from pathlib import Path

from tests.chaos.stage import Stage

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

/* CHAOS_CLOCK names a file that holds seconds to add to the wall clock; monotonic clocks stay as they are. */
static long skew(void) {
    const char *path = getenv("CHAOS_CLOCK");
    char text[32] = {0};
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return 0;
    ssize_t got = read(file, text, sizeof text - 1);
    close(file);
    return got > 0 ? atol(text) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += skew();
    return result;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec told;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &told)) return -1;
    now->tv_sec = told.tv_sec;
    now->tv_usec = told.tv_nsec / 1000;
    return 0;
}

/* Waits until a wall time: the kernel knows the true clock alone. Monotonic times are small. */
int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until) {
    static int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    struct timespec moved = *until;
    if (!real) real = (typeof(real))dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    if (!real) real = (typeof(real))dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    if (moved.tv_sec > 1000000000) moved.tv_sec -= skew();
    return real(cond, mutex, &moved);
}

int cnd_timedwait(cnd_t *cond, mtx_t *mutex, const struct timespec *until) {
    static int (*real)(cnd_t *, mtx_t *, const struct timespec *);
    struct timespec moved = *until;
    if (!real) real = (typeof(real))dlsym(RTLD_NEXT, "cnd_timedwait");
    moved.tv_sec -= skew();
    return real(cond, mutex, &moved);
}

time_t time(time_t *out) {
    struct timespec told;
    clock_gettime(CLOCK_REALTIME, &told);
    if (out) *out = told.tv_sec;
    return told.tv_sec;
}
"""

JUMPS_S = (-3600, 0, -86_400 * 40, 7200, -5)
HOPS = 10
"""Times that the clock then goes forward by an hour: it matters at which moment of a poll that happens."""


def compiler() -> str | None:
    """A C compiler, which the clock needs."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def set_back(stage: Stage) -> None:
    """The clock jumps back by an hour, then by days, forth, back by seconds, and forth again and again.

    The pipeline keeps committing.
    """
    command = compiler()
    assert command is not None
    source, library, clock = (stage.folder / name for name in ("clock.c", "clock.so", "clock"))
    source.write_text(SHIM)
    subprocess.run([command, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True)
    _set(clock, 0)
    environ = {"LD_PRELOAD": str(library), "CHAOS_CLOCK": str(clock)}
    stage.make_topic()
    with stage.reading(), stage.feed(rate=400):
        for turn, parallel in enumerate((("2", "1"), ("1", "2"))[: 2 if stage.full else 1]):
            subject = stage.start(parallel=parallel, environ=environ)
            stage.await_progress(subject, 3)
            hops = range(JUMPS_S[-1] + 3600, 3600 * (HOPS + 1), 3600)
            for jump in (*JUMPS_S, *hops) if stage.full else JUMPS_S[:2]:
                _set(clock, jump)
                stage.count("clock set to another time while running")
                if not stage.await_progress(subject, 4, seconds=60):
                    stage.fail(f"no commit for 60 s after the clock went to {jump:+} s: exit {subject.code}")
                    break
            stage.kill(subject, "kill -9 of the pipeline")
            _set(clock, JUMPS_S[turn])
            subject = stage.start(parallel=("1", "1"), environ=environ)
            stage.await_progress(subject, 2, seconds=20)
            stage.kill(subject, "kill -9 of the pipeline")
            time.sleep(0.1)


def _set(clock: Path, seconds: int) -> None:
    fresh = clock.with_name("clock.new")
    fresh.write_text(str(seconds))
    fresh.rename(clock)
