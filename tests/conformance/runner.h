/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance/runner.h - plays MQTT scripts against any broker
 *
 * The runner builds and reads packets by itself and shares no code with the
 * broker's codec, so that a mistake there cannot hide itself here.  What a broker
 * sends is held to the format of the standard whether a script asks or not.
 * README.md is the manual of the script language.  A script has a process of its
 * own, which ends with it; so what a script allocates is not freed.
 *
 *   runner.c         the command: options, scripts side by side, the count
 *   runner_script.c  one script, line by line
 *   runner_words.c   a line into words; variables
 *   runner_client.c  network connections
 *   runner_ws.c      frames of WebSocket around the packets
 *   runner_props.c   properties of MQTT 5.0, both ways
 *   runner_build.c   words into packets
 *   runner_parse.c   packets into fields
 *   runner_legal.c   what a server may send at all
 *   runner_expect.c  fields against what a script expects
 */
#pragma once

#include "base/bytes.h"

enum level { LEVEL_31 = 3, LEVEL_311 = 4, LEVEL_5 = 5 };

/* clang-format off */
#define PACKETS(X)                                                                                 \
    X(CONNECT, 1, "connect")          X(CONNACK, 2, "connack")        X(PUBLISH, 3, "publish")     \
    X(PUBACK, 4, "puback")            X(PUBREC, 5, "pubrec")          X(PUBREL, 6, "pubrel")       \
    X(PUBCOMP, 7, "pubcomp")          X(SUBSCRIBE, 8, "subscribe")    X(SUBACK, 9, "suback")       \
    X(UNSUBSCRIBE, 10, "unsubscribe") X(UNSUBACK, 11, "unsuback")     X(PINGREQ, 12, "pingreq")    \
    X(PINGRESP, 13, "pingresp")       X(DISCONNECT, 14, "disconnect") X(AUTH, 15, "auth")
/* clang-format on */

/* What else can happen on a connection, with --ws. */
#define OTHER_EVENTS(X) X(WS_PONG, 17, "ws-pong") X(WS_ANSWER, 18, "ws-answer")

enum packet_type {
    PACKET_NONE,
#define X(name, n, text) PACKET_##name = n,
    PACKETS(X)
#undef X
        PACKET_WILL, /* not a packet: the Will's own properties */
#define X(name, n, text) PACKET_##name = n,
    OTHER_EVENTS(X)
#undef X
};

/* ---- words ---- */

#define WORDS_MAX 128
#define KEY_MAX   32

/* "key=value", or a bare word: then the key alone. */
struct word {
    char key[KEY_MAX];
    struct buf value; /* owned */
    bool has_value;
};

struct words {
    struct word at[WORDS_MAX];
    size_t n;
};

struct script;

void words_split(struct script *s, const char *line, struct words *ret);
const struct word *words_find(const struct words *w, size_t from, const char *key);
uint64_t word_number(struct script *s, const struct word *w);
bool text_number(struct bytes text, uint64_t *ret);
uint64_t text_duration_ns(struct script *s, const char *text);

void variable_set(struct script *s, const char *name, struct bytes value);

/* ---- packets from the broker ---- */

#define FIELDS_MAX 128

struct field {
    const char *key; /* static */
    struct buf text; /* owned; a number in decimal */
    bool is_number;
    uint64_t number;
};

/* One thing that happened on a connection. */
struct event {
    struct event *next;
    enum packet_type type; /* PACKET_NONE: the broker closed the connection */
    uint64_t at_ns;
    struct field fields[FIELDS_MAX];
    size_t n_fields;
};

void event_add_text(struct event *e, const char *key, struct bytes value);
void event_add_number(struct event *e, const char *key, uint64_t value);
const struct field *event_find(const struct event *e, const char *key);
void event_describe(const struct event *e, struct buf *ret);

/* ---- connections ---- */

#define CLIENT_NAME_MAX 24
#define ALIASES_MAX     64

struct client {
    struct client *next;
    char name[CLIENT_NAME_MAX];
    int fd;
    enum level level;
    struct buf in;
    /* In a WebSocket. */
    bool is_ws;
    struct buf raw;  /* what came, in frames */
    struct buf held; /* packets that will go together */
    bool holds;
    size_t cut;           /* bytes of a packet in one frame; 0: all */
    bool one_message;     /* the frames of a packet are one message */
    bool has_close_code;  /* a Close frame came */
    unsigned close_code;  /* 0: without a code */
    struct event *events; /* not yet expected, oldest first */
    uint16_t next_id;
    uint16_t last_id[16]; /* of the last packet of each type that was received, for its answer */
    /* What this client said in CONNECT, and what the broker is held to for it. */
    uint64_t max_packet;
    uint64_t alias_max;
    bool problem_wanted;
    bool response_wanted;
    bool connack_seen;
    bool disconnect_seen;
    struct buf aliases[ALIASES_MAX + 1];
};

struct client *client_named(struct script *s, const char *name, bool must_exist);
void client_open(struct script *s, struct client *c, const struct words *w);
struct event *client_event(struct client *c, enum packet_type type);
void client_send_bytes(struct script *s, struct client *c, struct bytes data);
bool client_read(struct script *s, struct client *c, uint64_t until_ns);
void client_send(struct script *s, struct client *c, struct bytes packet);
bool client_wait(struct script *s, struct client *c, uint64_t until_ns);
void client_close(struct client *c, bool by_reset);

/* ---- WebSocket ---- */

void ws_open(struct script *s, struct client *c, const struct words *w);
void ws_frame(uint8_t first, struct bytes payload, struct buf *to);
void ws_wrap(struct client *c, struct bytes packet, struct buf *to);
void ws_unwrap(struct script *s, struct client *c);

/* ---- properties ---- */

bool property_add(struct script *s, const struct word *w, struct buf *to);

struct cursor {
    struct bytes rest;
    const char *wrong; /* the first thing that is not as the standard says, or NULL */
};

void cursor_wrong(struct cursor *c, const char *why);
struct bytes cursor_take(struct cursor *c, size_t n);
uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_u16(struct cursor *c);
uint32_t cursor_varint(struct cursor *c);
struct bytes cursor_utf8(struct cursor *c);
void cursor_properties(struct cursor *c, enum packet_type type, struct event *to);

/* ---- packets ---- */

enum packet_type packet_type_named(const char *name);
const char *packet_type_name(enum packet_type type);
void packet_build(struct script *s, struct client *c, enum packet_type type, const struct words *w,
                  size_t from, struct buf *to);
void packet_build_raw(struct script *s, const struct words *w, size_t from, struct buf *to);
void packet_frame(uint8_t first, struct bytes body, struct buf *to);
void buf_add_u16(struct buf *b, uint16_t v);
void buf_add_string(struct buf *b, struct bytes text);

const char *packet_parse(const struct client *c, uint8_t first, struct bytes body,
                         struct event *ret);
const char *packet_legal(struct client *c, struct event *e);
bool reason_is_legal(enum packet_type type, uint64_t reason);

void expect_line(struct script *s, const struct words *w);

/* ---- a script ---- */

#define VARIABLES_MAX 48

struct variable {
    char name[KEY_MAX];
    struct buf value;
};

struct script {
    const char *path;
    const char *host;
    const char *port;
    const char *has;     /* features of the broker, separated by commas */
    const char *ws_path; /* NULL: not over WebSocket */
    bool verbose;
    bool lenient;
    unsigned line;
    uint64_t end_ns;
    uint64_t began_ns;  /* this line */
    uint64_t before_ns; /* the line before it began */
    struct client *clients;
    struct variable variables[VARIABLES_MAX];
    size_t n_variables;
    int report_fd;
};

enum verdict { VERDICT_PASSED, VERDICT_FAILED, VERDICT_SKIPPED };

_Noreturn void script_play(struct script *s);
_Noreturn void script_fail(struct script *s, const char *format, ...) PRINTF(2, 3);
