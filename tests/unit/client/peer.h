/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer.h - a server that follows a script, over TCP [MQTT3-7.1.2-1]
 *
 * The script's bytes are written by hand, so that a mistake in the codec cannot hide itself.  A
 * step waits for one packet of the client and answers.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <pthread.h>

#include "client/client.h"

#define PEER_PACKETS_MAX 64

/* A packet that is expected, by its first byte; 0: nothing is waited for.  Then what is answered.
 */
struct step {
    uint8_t expect;
    struct bytes answer;
    bool is_deaf; /* does nothing until peer.go_on is written */
    bool hang_up; /* afterwards, and the next step is of a new connection */
};

struct peer {
    pthread_t thread;
    int listener;
    int go_on; /* eventfd */
    uint16_t port;
    const struct step *steps;
    size_t n_steps;
    bool ok; /* the script was followed to its end, which is the client's */
    struct buf got[PEER_PACKETS_MAX]; /* the packets, in order */
    size_t n_got;
    char source[INET_ADDRSTRLEN];
};

/* The server runs until the script is at its end, and the client's connection too. */
struct peer *peer_new(const struct step *steps, size_t n);
void peer_join(struct peer *p);
void peer_free(struct peer *p);

#define PEER(...)                                                                                  \
    peer_new((const struct step[]){__VA_ARGS__}, COUNT_OF(((const struct step[]){__VA_ARGS__})))

#define ACCEPTED   BYTES("\x20\x03\0\0\0")
#define ACCEPTED_3 BYTES("\x20\x02\0\0")
#define RESUMED    BYTES("\x20\x03\1\0\0")

struct client_settings settings(const struct peer *p);
/* A client that has been accepted. */
struct client *connected(const struct client_settings *s);
/* The packet @i that came. */
void assert_packet(const struct peer *p, size_t i, struct bytes expected);
