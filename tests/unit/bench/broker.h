/* SPDX-License-Identifier: Apache-2.0 */
/*
 * broker.h - a broker that makes one mistake
 *
 * It gives every message, whatever its topic, to every client that has subscribed,
 * at QoS 0.  Its mistake is made once, with the message number BROKER_MISTAKE_AT
 * that it gives to the first subscriber.
 */
#pragma once

#include <pthread.h>
#include <stdint.h>

#define BROKER_MISTAKE_AT 500

enum mistake {
    MISTAKE_NONE,
    MISTAKE_LOSE,
    MISTAKE_DOUBLE,
    MISTAKE_SWAP, /* with the next one of the same publisher */
    MISTAKE_CHANGE,
    MISTAKE_CLOSE,            /* the subscriber's connection, after that message */
    MISTAKE_DISCONNECT,       /* the same, with a DISCONNECT */
    MISTAKE_REFUSE_CONNECT,   /* everybody */
    MISTAKE_REFUSE_SUBSCRIBE, /* everybody */
};

struct broker {
    enum mistake mistake;
    uint16_t port;
    int listener;
    int stop[2]; /* a pipe; closing its writing end ends the thread */
    pthread_t thread;
};

void broker_start(struct broker *b, enum mistake m);
void broker_stop(struct broker *b);
