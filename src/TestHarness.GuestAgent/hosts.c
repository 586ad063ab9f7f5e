/* /etc/hosts: the machine's own name, and those of the machines on its networks. */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "/etc/hosts"
#define FIRST_LINE "# The machines of its networks (testharness):\n"
#define LAST_LINE "# End of the machines of its networks.\n"

/* As it was last read. A clone asks whether it is still that, for to open and read it takes a twentieth of its start. */
static int hosts_fd = -1;
static struct { struct stat status; size_t size; int error; char text[PAYLOAD]; } hosts;

void read_hosts(void) {
    close_fd(&hosts_fd);
    hosts.size = 0;
    hosts.error = 0;
    hosts_fd = open(FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t size = hosts_fd < 0 || fstat(hosts_fd, &hosts.status) != 0 ? -1 : pread(hosts_fd, hosts.text, sizeof hosts.text, 0);
    if (size < 0)
        hosts.error = errno == ENOENT ? 0 : errno;
    else if (size == sizeof hosts.text)
        hosts.error = EFBIG;
    else if (memchr(hosts.text, 0, (size_t)size))
        hosts.error = EILSEQ;
    else
        hosts.size = (size_t)size;
    hosts.text[hosts.size] = 0;
}

static bool is_as_read(const struct stat *status) {
    return status->st_dev == hosts.status.st_dev && status->st_ino == hosts.status.st_ino && status->st_nlink > 0
        && status->st_size == hosts.status.st_size && status->st_ctim.tv_sec == hosts.status.st_ctim.tv_sec
        && status->st_ctim.tv_nsec == hosts.status.st_ctim.tv_nsec;
}

static void read_if_new(void) {
    struct stat status;
    if (hosts_fd < 0 || fstat(hosts_fd, &status) != 0 || !is_as_read(&status))
        read_hosts();
}

struct text { char bytes[2 * PAYLOAD]; size_t size; };

static void put_in(struct text *to, const char *bytes, size_t size) {
    size_t room = sizeof to->bytes - to->size;
    memcpy(to->bytes + to->size, bytes, size < room ? size : room);
    to->size += size < room ? size : room;
}

static bool begins(const char *line, const char *with) { return strncmp(line, with, strlen(with)) == 0; }

/* As Debian's installer writes the line of 127.0.1.1: the whole name, and its first part. */
static void add_own_name(struct text *to, const char *name) {
    const char *dot = strchr(name, '.');
    put_in(to, "127.0.1.1\t", 10);
    put_in(to, name, strlen(name));
    if (dot)
        put_in(to, " ", 1), put_in(to, name, (size_t)(dot - name));
    put_in(to, "\n", 1);
}

/* The text of now with the line of 127.0.1.1, where there is one, for `name`, and `machines` in place of those that were there. */
static void compose(struct text *to, const char *name, const unsigned char *machines, size_t size) {
    bool ours = false, named = false;
    to->size = 0;
    for (const char *line = hosts.text; *line;) {
        size_t length = strcspn(line, "\n");
        length += line[length] == '\n';
        bool is_own = begins(line, "127.0.1.1") && strchr(" \t", line[9]);
        ours = ours || (machines && begins(line, FIRST_LINE));
        if (!ours && name && is_own && !named)
            add_own_name(to, name);
        else if (!ours)
            put_in(to, line, length);
        named = named || is_own;
        ours = ours && !begins(line, LAST_LINE);
        line += length;
    }
    if (to->size > 0 && to->bytes[to->size - 1] != '\n')
        put_in(to, "\n", 1);
    if (machines && size > 0) {
        put_in(to, FIRST_LINE, sizeof FIRST_LINE - 1);
        put_in(to, (const char *)machines, size);
        put_in(to, LAST_LINE, sizeof LAST_LINE - 1);
    }
}

/* In place, for it may be mounted there. 0 or errno; ESTALE: it is another file now. */
static int write_text(const struct text *text) {
    struct stat status;
    int fd = open(FILE_NAME, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644), error = 0;
    if (fd < 0 || fstat(fd, &status) != 0)
        error = errno;
    else if (hosts_fd >= 0 && !is_as_read(&status))
        error = ESTALE;
    else if (pwrite(fd, text->bytes, text->size, 0) != (ssize_t)text->size || (text->size < hosts.size && ftruncate(fd, (off_t)text->size) != 0))
        error = errno ? errno : ENOSPC;
    close_fd(&fd);
    return error;
}

/* NULL leaves what is there. 0 or errno. */
int change_hosts(const char *name, const unsigned char *machines, size_t size) {
    static struct text text;
    int error = ESTALE;
    errno = 0;
    read_if_new();
    for (int attempt = 0; attempt < 2 && error == ESTALE; attempt++) {
        if (attempt > 0)
            read_hosts();
        compose(&text, name, machines, size);
        bool same = text.size == hosts.size && memcmp(text.bytes, hosts.text, text.size) == 0;
        error = hosts.error ? hosts.error : text.size >= PAYLOAD ? EFBIG : same ? 0 : write_text(&text);
    }
    return error;
}
