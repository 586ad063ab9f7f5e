/* The process that waits for the next command, and becomes it. */
#include "agent.h"

#include <errno.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FUTEX_WAIT 0
#define FUTEX_WAKE 1

struct job job;
struct rlimit files_before;

bool attempt(long result, const char *what, const char *which) {
    if (result >= 0)
        return true;
    job.error = errno;
    job.failed = what;
    job.failed_at = which;
    return false;
}

/*
 * The process of the next command waits ahead of it, for to make one takes a good part of the time that a short command has. It shares our memory until
 * execve(2), as the child of vfork(2) does, and our descriptors until it has a job, so that it keeps no pipe open that we close.
 */
static pid_t next;
static volatile int next_is_here, next_job; /* futex(2) words; the kernel clears the first when the process leaves our memory */
enum { NO_JOB, GIVEN, TAKEN };

/* Only system calls, and the raw ones for the identity, because the C library's forms want to tell other threads. */
static int be_next(void *parent) {
    static const uint64_t no_signals = 0;
    syscall(SYS_set_tid_address, &next_is_here);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid();
    while (next_job == NO_JOB && getppid() == *(pid_t *)parent)
        syscall(SYS_futex, &next_job, FUTEX_WAIT, NO_JOB, NULL);
    if (next_job == NO_JOB)
        _exit(127);
    next_job = TAKEN;
    prctl(PR_SET_PDEATHSIG, 0);
    /* Containers refuse the first, and take the second, which says the same (6: CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC). */
    bool ready = attempt(unshare(CLONE_FILES) == 0 ? 0 : syscall(SET_CLOEXEC_RANGE, 3u, ~0u, 6u), "unshare", "")
        && (!job.terminal || attempt(ioctl(job.fds[0], TIOCSCTTY, 0), "terminal", ""));
    for (int fd = 0; ready && fd < 3; fd++)
        ready = attempt(dup2(job.fds[fd], fd), "dup2", "");
    if (ready && job.change_user)
        ready = attempt(syscall(SYS_setgroups, job.user->group_count, job.user->groups), "setgroups", job.user->name)
            && attempt(syscall(SYS_setgid, job.user->gid), "setgid", job.user->name)
            && attempt(syscall(SYS_setuid, job.user->uid), "setuid", job.user->name);
    if (ready && job.directory)
        ready = attempt(chdir(job.directory), "chdir", job.directory);
    else if (ready && chdir(job.user->home) != 0)
        ready = attempt(chdir("/"), "chdir", "/");
    if (ready) {
        setrlimit(RLIMIT_NOFILE, &files_before);
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &no_signals, NULL, sizeof no_signals);
        attempt(execve(job.file, job.argv, job.envp), "exec", job.file);
    }
    _exit(127);
}

static bool next_has_ended(void) {
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)next, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

/* Has a process wait for the next command, unless one does. False: none can be made. */
bool make_next(void) {
    static unsigned char stack[16384] __attribute__((aligned(16)));
    static pid_t self;
    if (next > 0 && !next_has_ended())
        return true;
    if (next > 0)
        waitpid(next, NULL, 0); /* somebody killed it */
    self = getpid();
    next_is_here = 1;
    next_job = NO_JOB;
    next = clone(be_next, stack + sizeof stack, CLONE_VM | CLONE_FILES | SIGCHLD, &self);
    return next > 0;
}

/* Gives the job to the process that waits for it, and comes back when that has called execve(2) or failed. */
pid_t launch(void) {
    static const struct timespec a_while = {.tv_nsec = 100000000};
    for (int tries = 0; tries < 3 && make_next(); tries++) {
        next_job = GIVEN;
        syscall(SYS_futex, &next_job, FUTEX_WAKE, 1);
        while (next_is_here && (syscall(SYS_futex, &next_is_here, FUTEX_WAIT, 1, &a_while) == 0 || !next_has_ended()))
            if (next_is_here)
                kill(next, SIGCONT); /* somebody stopped it */
        pid_t pid = next;
        next = 0;
        if (next_job == TAKEN)
            return pid;
        waitpid(pid, NULL, 0); /* somebody killed it before it had the job */
        errno = EAGAIN;
    }
    return -1;
}
