/* The users of the guest, as its files have them. */
#include "agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Splits a line of passwd(5) or group(5) at its colons; false if it has fewer fields. */
static bool split(char *line, char **fields, int count) {
    line[strcspn(line, "\n")] = 0;
    for (int i = 0; i < count; i++)
        if (!(fields[i] = strsep(&line, ":")))
            return false;
    return true;
}

/* Reads the files itself: the C library would ask a name service daemon over a socket, which could keep it waiting. */
static bool find_user(const char *name, struct user *user) {
    char *line = NULL, *fields[7], number[16];
    size_t size = 0;
    bool found = false;
    snprintf(number, sizeof number, "%u", geteuid());
    *user = (struct user){.uid = geteuid(), .gid = getegid(), .name = "root", .home = "/", .shell = "/bin/sh"};
    FILE *file = fopen("/etc/passwd", "re");
    while (file && !found && getline(&line, &size, file) > 0) {
        if (!split(line, fields, 7) || strcmp(name ? fields[0] : fields[2], name ? name : number) != 0)
            continue;
        found = true;
        user->uid = (uid_t)strtoul(fields[2], NULL, 10);
        user->gid = (gid_t)strtoul(fields[3], NULL, 10);
        snprintf(user->name, sizeof user->name, "%s", fields[0]);
        snprintf(user->home, sizeof user->home, "%s", *fields[5] ? fields[5] : "/");
        snprintf(user->shell, sizeof user->shell, "%s", *fields[6] ? fields[6] : "/bin/sh");
    }
    if (file)
        fclose(file);
    const char *environment[][2] = {{"HOME", user->home}, {"USER", user->name}, {"LOGNAME", user->name}, {"SHELL", user->shell}};
    for (int i = 0; i < 4; i++)
        snprintf(user->environment[i], sizeof user->environment[i], "%s=%s", environment[i][0], environment[i][1]);
    user->groups[user->group_count++] = user->gid;
    file = found && name ? fopen("/etc/group", "re") : NULL;
    while (file && getline(&line, &size, file) > 0) {
        if (!split(line, fields, 4) || (gid_t)strtoul(fields[2], NULL, 10) == user->gid)
            continue;
        for (char *member; (member = strsep(&fields[3], ","));)
            if (strcmp(member, user->name) == 0 && user->group_count < 256)
                user->groups[user->group_count++] = (gid_t)strtoul(fields[2], NULL, 10);
    }
    if (file)
        fclose(file);
    free(line);
    return found || !name;
}

/* Most commands run as whom we run as: that entry is read again only when the file has changed. */
const struct user *find_own_user(void) {
    static struct user own;
    static struct stat seen;
    struct stat status = {0};
    if (stat("/etc/passwd", &status) != 0 || status.st_ino != seen.st_ino || status.st_size != seen.st_size
        || status.st_ctim.tv_sec != seen.st_ctim.tv_sec || status.st_ctim.tv_nsec != seen.st_ctim.tv_nsec)
        find_user(NULL, &own);
    seen = status;
    return &own;
}

const struct user *find_other_user(const char *name) {
    static struct user other;
    return find_user(name, &other) ? &other : NULL;
}
