/* Running commands: from RUN to a process that has its descriptors, its environment and its user. */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define OPEN_TERMINAL_PEER 0x5441 /* TIOCGPTPEER, which older headers lack */

enum { HOLD = 15 }; /* milliseconds: see is_held */

int nothing = -1;
char token[17];
static bool prepared; /* for the next command */
static int spare[2][2] = {{-1, -1}, {-1, -1}}; /* pipes for the output of the command to come */
static uint64_t next_serial;

/* Looks the program up as execvp(3) does, but before the fork. A file that is there but not executable: EACCES. */
static int find_program(const char *name, const char *path) {
    int error = ENOENT;
    if (strchr(name, '/')) {
        job.file = name;
        return 0;
    }
    job.file = job.found;
    for (size_t length; *name && *path; path += length + (path[length] == ':')) {
        struct stat status;
        length = strcspn(path, ":");
        int size = snprintf(job.found, sizeof job.found, "%.*s/%s", (int)length, path, name);
        if (*path != '/' || size >= (int)sizeof job.found || stat(job.file, &status) != 0 || !S_ISREG(status.st_mode))
            continue;
        if (status.st_mode & 0111)
            return 0;
        error = EACCES;
    }
    return error;
}

/* Takes the fields of RUN apart, in a copy, since strings end in place. False: it does not parse. */
static bool parse_run(const unsigned char *payload, size_t size, int *arguments, int *variables) {
    char *end = NULL;
    *arguments = *variables = 0;
    job.directory = job.user_name = NULL;
    job.terminal = false;
    job.takes_input = true;
    memcpy(job.payload, payload, size);
    for (size_t at = 0; at < size;) {
        char tag = job.payload[at];
        if (size - at < 5)
            return false;
        size_t length = get32(payload + at + 1);
        char *value = job.payload + at + 5;
        if (length > size - at - 5 || (tag != 'P' && memchr(value, 0, length)))
            return false;
        if (end)
            *end = 0; /* it was this field's tag, which is known now */
        end = value + length;
        at += 5 + length;
        if (tag == 'A')
            job.argv[(*arguments)++] = value;
        else if (tag == 'E' && length > 0 && *value != '=' && memchr(value, '=', length))
            job.envp[(*variables)++] = value;
        else if (tag == 'D')
            job.directory = value;
        else if (tag == 'U')
            job.user_name = value;
        else if (tag == 'N' && length == 0)
            job.takes_input = nothing < 0;
        else if (tag == 'P' && length == 4) {
            job.terminal = true;
            job.size = (struct winsize){.ws_col = (unsigned short)get16((unsigned char *)value),
                .ws_row = (unsigned short)get16((unsigned char *)value + 2)};
        } else
            return false;
    }
    if (end)
        *end = 0;
    job.argv[*arguments] = NULL;
    return *arguments > 0;
}

/* The base environment, where RUN does not say otherwise, and the marker in any case. Returns the command's PATH. */
static const char *complete_environment(int count, uint64_t serial) {
    const char *base[] = {"PATH=" DEFAULT_PATH, "LANG=C.UTF-8", job.user->environment[0], job.user->environment[1],
        job.user->environment[2], job.user->environment[3], "TERM=linux"};
    const char *path = DEFAULT_PATH;
    int given = count;
    for (int i = 0; i < given; i++) {
        if (strncmp(job.envp[i], "PATH=", 5) == 0)
            path = job.envp[i] + 5;
        if (strncmp(job.envp[i], MARKER, sizeof MARKER - 1) == 0)
            job.envp[i--] = job.envp[--given];
    }
    count = given;
    for (int i = 0; i < (job.terminal ? 7 : 6); i++) {
        bool known = false;
        for (int j = 0; j < given && !known; j++)
            known = strncmp(job.envp[j], base[i], strcspn(base[i], "=") + 1) == 0;
        if (!known)
            job.envp[count++] = (char *)base[i];
    }
    snprintf(job.marker, sizeof job.marker, MARKER "%s-%llu", token, (unsigned long long)serial);
    job.envp[count++] = job.marker;
    job.envp[count] = NULL;
    return path;
}

/* ours[0..2]: our ends of input, output, error; job.fds: the command's. */
static bool open_pipes(int ours[3]) {
    for (int i = job.takes_input ? 0 : 1; i < 3; i++) {
        int ends[2] = {-1, -1};
        if (i > 0 && spare[i - 1][0] >= 0) {
            memcpy(ends, spare[i - 1], sizeof ends);
            spare[i - 1][0] = spare[i - 1][1] = -1;
        } else if (!attempt(pipe2(ends, O_CLOEXEC), "pipe", ""))
            return false;
        else
            nonblocking(ends[i == 0]);
        if (i == 0)
            fcntl(ends[1], F_SETPIPE_SZ, WINDOW_SIZE); /* fewer switches of processes; refused to an ordinary user who has many */
        ours[i] = ends[i == 0];
        job.fds[i] = ends[i != 0];
    }
    if (!job.takes_input)
        job.fds[0] = nothing;
    return true;
}

static bool open_terminal(int ours[3]) {
    int unlock = 0, number = 0;
    char path[32];
    ours[1] = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (!attempt(ours[1], "terminal", "/dev/ptmx") || !attempt(ioctl(ours[1], TIOCSPTLCK, &unlock), "terminal", ""))
        return false;
    ioctl(ours[1], TIOCSWINSZ, &job.size);
    int peer = ioctl(ours[1], OPEN_TERMINAL_PEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (peer < 0 && ioctl(ours[1], TIOCGPTN, &number) == 0) { /* before Linux 4.13 */
        snprintf(path, sizeof path, "/dev/pts/%d", number);
        peer = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    }
    if (!attempt(peer, "terminal", "/dev/pts") || !attempt(ours[0] = fcntl(ours[1], F_DUPFD_CLOEXEC, 3), "terminal", "")) {
        close_fd(&peer);
        return false;
    }
    if (job.change_user && fchown(peer, job.user->uid, (gid_t)-1) != 0)
        errno = 0; /* it works all the same, only /dev/pts/N can't be opened by its path */
    job.fds[0] = job.fds[1] = job.fds[2] = peer;
    return true;
}

/*
 * A command that has just been started, or that has begun to close its output, is left alone for a moment: a short one is over by then, and it has cost one
 * switch of processes and one write instead of four of each. Its end (SIGCHLD) ends the moment, too.
 */
bool is_held(const struct stream *s) { return s->kind == COMMAND && s->id != 0 && !s->ended && s->kill == ALIVE && s->held_until > now; }

void hold(struct stream *s) { s->held_until = now + HOLD; }

void run(uint32_t id, const unsigned char *payload, size_t size) {
    int arguments, variables, error, ours[3] = {-1, -1, -1};
    if (!parse_run(payload, size, &arguments, &variables)) {
        protocol_error("RUN does not parse");
        return;
    }
    job.user = job.user_name ? find_other_user(job.user_name) : find_own_user();
    if (!job.user) {
        send_error(id, ENOENT, "user", job.user_name, "not in /etc/passwd");
        return;
    }
    job.change_user = job.user_name && geteuid() == 0;
    if (!job.change_user && job.user->uid != geteuid()) {
        send_error(id, EPERM, "user", job.user->name, NULL);
        return;
    }
    uint64_t serial = ++next_serial;
    if ((error = find_program(job.argv[0], complete_environment(variables, serial))) != 0) {
        send_error(id, error, "exec", job.argv[0], NULL);
        return;
    }
    struct stream *s = add(COMMAND, id);
    if (!s) {
        send_error(id, EAGAIN, "run", job.argv[0], "too many streams");
        return;
    }
    job.error = 0;
    job.fds[0] = job.fds[1] = job.fds[2] = -1;
    if (job.terminal ? open_terminal(ours) : open_pipes(ours))
        attempt(s->pid = launch(), "fork", "");
    if (job.fds[0] != nothing)
        close_fd(&job.fds[0]);
    if (!job.terminal) {
        close_fd(&job.fds[1]);
        close_fd(&job.fds[2]);
    }
    s->serial = serial;
    s->terminal = job.terminal;
    s->in = ours[0];
    s->out[0].fd = ours[1];
    s->out[1].fd = ours[2];
    if (job.error == 0) {
        hold(s);
        return;
    }
    if (s->pid > 0)
        waitpid(s->pid, NULL, 0); /* it has gone already */
    release(s);
    prepared = false;
    send_error(id, job.error, job.failed, job.failed_at, NULL);
}

/*
 * What nobody waits for, once all that the host waits for has been written: ended commands go, and then pipes for the next one come, rather than while a
 * command runs, which would take the processor from it.
 */
void clean_up(void) {
    for EACH(s) {
        if (!s->told || s->kind == FREE)
            continue;
        waitpid(s->pid, NULL, 0);
        release(s);
        prepared = false;
    }
    for (int i = 0; i < 2 && !prepared; i++)
        if (spare[i][0] < 0 && pipe2(spare[i], O_CLOEXEC) == 0)
            nonblocking(spare[i][0]);
    if (!prepared)
        make_next();
    prepared = true;
}
