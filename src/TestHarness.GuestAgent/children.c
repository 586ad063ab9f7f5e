/* The end of commands: which have ended, how, and what their pipes still hold. */
#include "agent.h"

#include <poll.h>
#include <sys/wait.h>

volatile sig_atomic_t child_ended;

static void command_ended(struct stream *s, const siginfo_t *info) {
    s->ended = true;
    s->exit_kind = info->si_code == CLD_EXITED ? EXITED : SIGNALLED;
    s->exit_code = (uint32_t)info->si_status;
    drop_input(s);
    struct pollfd ends[2] = {{.fd = s->out[0].fd, .events = POLLIN}, {.fd = s->out[1].fd, .events = POLLIN}};
    poll(ends, 2, 0);
    for (int i = 0; i < 2; i++) {
        int held = 0;
        s->out[i].unheld = !s->terminal && ends[i].revents == POLLHUP; /* pipe(7): empty, and without a writer */
        if (s->out[i].unheld)
            continue;
        /* A terminal hides what its line discipline has not taken yet, but what it can hold is bounded: read until it is empty. */
        if (s->out[i].fd >= 0 && (s->terminal || ioctl(s->out[i].fd, FIONREAD, &held) != 0))
            held = 2 * PAYLOAD;
        s->out[i].left = (size_t)held;
    }
}

void check_children(void) {
    child_ended = 0;
    for EACH(s) {
        siginfo_t info = {.si_code = CLD_EXITED};
        if (s->kind == COMMAND && !s->ended
            && waitid(P_PID, (id_t)s->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0)
            command_ended(s, &info);
    }
}
