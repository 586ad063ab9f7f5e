/* The cards of the machine's networks: their addresses and MTU, by ioctl and rtnetlink(7), without a fork. */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* musl has no linux/ethtool.h, linux/sockios.h, linux/rtnetlink.h. */
#define ETHTOOL_PERMANENT 0x20
#define SIOC_ETHTOOL 0x8946
enum { NEW_ADDRESS = 20, DROP_ADDRESS = 21, REQUEST = 1, ACK = 4, CREATE = 0x400, REPLACE = 0x100, NO_DETECTION = 2, ADDRESS = 1, LOCAL = 2, ERROR_MESSAGE = 2 };

static int inet = -1, netlink = -1;
static const char *doing;

static int ask(unsigned long request, struct ifreq *about, const char *what) {
    doing = what;
    return ioctl(inet, request, about) == 0 ? 0 : errno;
}

/* The one that was made with an address, or has it now. */
static int find_card(const unsigned char *made, const unsigned char *own, struct ifreq *found) {
    struct { uint32_t command, size; unsigned char address[32]; } permanent;
    struct if_nameindex *all = if_nameindex();
    int error = ENODEV;
    doing = "find the card";
    for (struct if_nameindex *one = all; one && one->if_index && error; one++) {
        struct ifreq ask_link = {0}, ask_made = {0};
        snprintf(ask_link.ifr_name, IFNAMSIZ, "%s", one->if_name);
        ask_made = ask_link;
        permanent.command = ETHTOOL_PERMANENT;
        permanent.size = 32;
        memset(permanent.address, 0, sizeof permanent.address);
        ask_made.ifr_data = (char *)&permanent;
        if (ioctl(inet, SIOCGIFHWADDR, &ask_link) != 0 || ask_link.ifr_hwaddr.sa_family != ARPHRD_ETHER)
            continue;
        const unsigned char *now = (unsigned char *)ask_link.ifr_hwaddr.sa_data;
        bool is_made = ioctl(inet, SIOC_ETHTOOL, &ask_made) == 0 && permanent.size == 6
            && (memcmp(permanent.address, made, 6) == 0 || memcmp(permanent.address, own, 6) == 0);
        if (!is_made && memcmp(now, made, 6) != 0 && memcmp(now, own, 6) != 0)
            continue;
        *found = ask_link;
        error = 0;
    }
    if_freenameindex(all);
    return error;
}

/* Nobody else has them: the host gives each once. So IPv6 need not look for a second before it uses one. */
static void trust_addresses(const char *card) {
    char path[80];
    snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/accept_dad", card);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && write(fd, "0", 1) != 1) {
        /* Then it looks. */
    }
    close_fd(&fd);
}

/* Without an address: the first of the family that the card has. */
static int change_address(int type, int flags, unsigned index, const unsigned char *address, size_t size, unsigned prefix) {
    struct {
        uint32_t length; uint16_t type, flags; uint32_t sequence, sender;
        uint8_t family, prefix, address_flags, scope; uint32_t index;
        struct { uint16_t length, type; unsigned char bytes[16]; } attributes[2];
    } message = {.type = (uint16_t)type, .flags = (uint16_t)(REQUEST | ACK | flags), .family = size == 4 ? AF_INET : AF_INET6,
        .prefix = (uint8_t)prefix, .address_flags = size == 16 ? NO_DETECTION : 0, .index = index};
    struct { uint32_t length; uint16_t type, flags; uint32_t sequence, sender; int32_t error; unsigned char rest[512]; } answer;
    unsigned char *end = (unsigned char *)message.attributes;
    for (uint16_t attribute = ADDRESS; address && attribute <= LOCAL; attribute++) {
        uint16_t head[2] = {(uint16_t)(4 + size), attribute};
        memcpy(end, head, 4);
        memcpy(end + 4, address, size);
        end += 4 + size;
    }
    message.length = (uint32_t)(end - (unsigned char *)&message);
    if (send(netlink, &message, message.length, 0) < 0)
        return errno;
    ssize_t got = recv(netlink, &answer, sizeof answer, 0);
    return got < 20 ? (got < 0 ? errno : EIO) : answer.type != ERROR_MESSAGE ? EIO : -answer.error;
}

static int add_address(unsigned index, const unsigned char *address, size_t size, unsigned prefix) {
    doing = size == 4 ? "set the IPv4 address" : "set the IPv6 address";
    int error = change_address(NEW_ADDRESS, CREATE | REPLACE, index, address, size, prefix);
    /* A guest that has none of IPv6, or was told not to use it. */
    return size == 16 && (error == EOPNOTSUPP || error == EAFNOSUPPORT || error == EACCES || error == EPERM) ? 0 : error;
}

/* What one before it was given, whom it is a copy of. Without the link Linux drops those of IPv6 itself. */
static int drop_addresses(const struct ifreq *card) {
    struct ifreq request = *card;
    int error = ask(SIOCGIFFLAGS, &request, "read the card's state");
    request.ifr_flags &= ~IFF_UP;
    if (!error)
        error = ask(SIOCSIFFLAGS, &request, "take the card down");
    for (int i = 0; i < 256 && !error; i++)
        if (change_address(DROP_ADDRESS, 0, if_nametoindex(card->ifr_name), NULL, 4, 0) != 0)
            break;
    return error;
}

static int set_card(const unsigned char *made, const unsigned char *own, unsigned mtu, struct ifreq *card) {
    struct ifreq request;
    int error = find_card(made, own, card);
    if (error)
        return error;
    if (memcmp(card->ifr_hwaddr.sa_data, own, 6) != 0) {
        error = drop_addresses(card);
        request = *card;
        memcpy(request.ifr_hwaddr.sa_data, own, 6);
        if (!error)
            error = ask(SIOCSIFHWADDR, &request, "set the card's own address");
    }
    request = *card;
    request.ifr_mtu = (int)mtu;
    if (!error)
        error = ask(SIOCSIFMTU, &request, "set the MTU");
    request = *card;
    if (!error)
        error = ask(SIOCGIFFLAGS, &request, "read the card's state");
    trust_addresses(card->ifr_name);
    request.ifr_flags |= IFF_UP;
    return error ? error : ask(SIOCSIFFLAGS, &request, "bring the card up");
}

/* What `count` cards take of `size` bytes, or -1 where they do not parse. */
ssize_t cards_size(const unsigned char *p, size_t size, unsigned count) {
    size_t at = 0;
    while (count-- > 0) {
        if (size - at < 15)
            return -1;
        unsigned addresses = p[at + 14];
        for (at += 15; addresses > 0; addresses--) {
            if (size - at < 2 || (p[at] != 4 && p[at] != 16) || p[at + 1] > 8 * p[at] || size - at < 2u + p[at])
                return -1;
            at += 2u + p[at];
        }
    }
    return (ssize_t)at;
}

/*
 * One after the other: the address that a card was made with, its own, u16 MTU, u8 addresses, and each: u8 size, u8 prefix, bytes, which parse. The names
 * of the cards go to `names`, or what failed after a '!'. 0 or errno.
 */
int set_cards(const unsigned char *p, unsigned count, char *names, size_t room) {
    size_t used = 0;
    int error = 0;
    if (inet < 0)
        inet = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (netlink < 0)
        netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
    *names = 0;
    for (; count > 0 && !error; count--) {
        struct ifreq card = {0};
        const unsigned char *own = p + 6;
        unsigned addresses = p[14];
        error = set_card(p, own, get16(p + 12), &card);
        p += 15;
        for (; addresses > 0 && !error; addresses--, p += 2 + p[0])
            error = add_address(if_nametoindex(card.ifr_name), p + 2, p[0], p[1]);
        if (!error)
            used += (size_t)snprintf(names + used, room - used, "%s%s", used ? " " : "", card.ifr_name);
        else
            snprintf(names, room, "!%s %02x:%02x:%02x:%02x:%02x:%02x", doing, own[0], own[1], own[2], own[3], own[4], own[5]);
        if (used >= room)
            used = room - 1;
    }
    return error;
}
