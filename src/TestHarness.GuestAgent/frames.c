/* Frames towards the host, made where they are sent from: in the output buffer. */
#include "agent.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    PROTOCOL = 4,
    SMALL = 1024, /* no frame but DATA has a longer payload */
    OWED = 256,   /* what a stream says beyond both marks: STARTED, three ENDs, five WINDOWs of what it holds, EXIT or the ERROR of a CONNECT */
};

/*
 * So a small frame always finds room. Beyond INPUT_MARK no frame is taken, so no stream is opened either, and each of those that there are adds no more
 * than it owes. The last that passed the marks was an answer, or the largest DATA.
 */
_Static_assert(INPUT_MARK + STREAMS * OWED + 2 * (HEADER + SMALL) <= OUT_SIZE, "answers and what the streams owe fit behind INPUT_MARK");
_Static_assert(DATA_MARK + HEADER + PAYLOAD <= INPUT_MARK + HEADER + SMALL, "DATA leaves as much room as an answer");

unsigned char out[OUT_SIZE];
size_t out_start, out_end;
bool overrun;
static size_t frame_at, frame_end;

void put(uint64_t value, size_t size) {
    if (frame_end - out_end < size) {
        overrun = true;
        return;
    }
    for (; size > 0; size--, value >>= 8)
        out[out_end++] = (unsigned char)value;
}

void put_bytes(const void *bytes, size_t size) {
    if (frame_end - out_end < size) {
        overrun = true;
        return;
    }
    memcpy(out + out_end, bytes, size);
    out_end += size;
}

void put_text(const char *text) { put_bytes(text, strnlen(text, SMALL / 2)); }

/*
 * A frame is made where it is sent from. Nothing else moves what the buffer holds, and nothing else is done until `finish` or `drop`, so no place in the
 * buffer is kept across a move. False: no room for such a payload now, and nothing has changed.
 */
bool open_frame(enum type type, uint32_t id, int channel, size_t room) {
    if (OUT_SIZE - out_end < HEADER + room) {
        memmove(out, out + out_start, out_used());
        out_end -= out_start;
        out_start = 0;
    }
    if (OUT_SIZE - out_end < HEADER + room)
        return false;
    frame_at = out_end;
    frame_end = out_end + HEADER + room;
    put(0, 4);
    put(id, 4);
    put(type, 1);
    put((uint64_t)channel, 1);
    put_text("TH");
    return true;
}

/* The marks leave room for every small frame. Were that ever wrong, all starts anew, since the host must not miss one and believe the rest. */
bool begin(enum type type, uint32_t id, int channel) {
    bool begun = open_frame(type, id, channel, SMALL);
    overrun |= !begun;
    return begun;
}

void finish(void) {
    size_t end = out_end;
    out_end = frame_at;
    put(end - frame_at - HEADER, 4);
    out_end = end;
}

void drop(void) { out_end = frame_at; }

void send_number(enum type type, uint32_t id, int channel, uint32_t number) {
    if (!begin(type, id, channel))
        return;
    put(number, 4);
    finish();
}

/* STARTED goes before every other frame of a command. */
void announce(struct stream *s) {
    if (s->kind != COMMAND || s->announced || s->id == 0)
        return;
    send_number(STARTED, s->id, 0, (uint32_t)s->pid);
    s->announced = true;
}

void send_end(struct stream *s, int channel) {
    announce(s);
    if (begin(END, s->id, channel))
        finish();
}

void send_exit(struct stream *s) {
    announce(s);
    if (!begin(EXIT, s->id, 0))
        return;
    put(s->exit_kind, 1);
    put(s->exit_code, 4);
    finish();
}

/* "what which: reason"; the reason is errno's own text where none is given. */
void send_error(uint32_t id, int error, const char *what, const char *which, const char *reason) {
    char text[SMALL / 2];
    snprintf(text, sizeof text, "%s%s%.300s: %s", what, *which ? " " : "", which, reason ? reason : strerror(error));
    if (!begin(ERROR, id, 0))
        return;
    put((uint32_t)error, 4);
    put_text(text);
    finish();
}

void send_hello(const unsigned char *nonce) {
    if (!begin(HELLO, 0, 0))
        return;
    put_bytes(nonce, 16);
    put(PROTOCOL, 2);
    put((uint32_t)getpid(), 4);
    put_text(AGENT);
    finish();
}
