/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alert/alert.h - incidents to other systems: syslog (RFC 5424) and webhook
 *
 * Each receiver has a thread and a bounded queue of its own, so neither a slow nor a
 * dead one delays whoever posts, nor the other receiver.  What cannot be sent is tried
 * again, later and later; when the queue is full the oldest goes, and is counted.
 * The node's own incidents.jsonl has all of them in any case.
 *
 * MQ.ID.IC-02
 */
#pragma once

#include "base/bytes.h"

#define ALERT_RETRY_MIN_S     1
#define ALERT_RETRY_MAX_S     60
#define ALERT_CONNECT_MS_MAX  3000
#define ALERT_ANSWER_MS_MAX   10000
#define ALERT_STOP_MS_MAX     2000 /* at a stop, for what still waits */
#define ALERT_TOKEN_BYTES_MAX 4096

struct alert_settings {
    const char *syslog;             /* "udp:HOST:PORT", "tcp:HOST:PORT", "unix:PATH"; NULL: none */
    const char *webhook;            /* "https://HOST[:PORT]/PATH" or "http://..."; NULL: none */
    const char *webhook_ca;         /* PEM of the CAs that the receiver is verified by */
    const char *webhook_token_file; /* sent as a bearer token; NULL: none */
    size_t queue_max;               /* of each receiver */
};

struct alert;

struct alert_change;

/* Reads the CA and the token; opens nothing yet.  @s is copied.  NULL with @ret_error, owned by the
 * caller. */
struct alert_change *alert_prepare(const struct alert_settings *s, char **ret_error);
struct alert_change *alert_change_free(struct alert_change *c);

/* @c is taken over; so it is by alert_change(), after which what waits goes to where it says; any
 * thread. */
struct alert *alert_new(struct alert_change *c);
void alert_change(struct alert *a, struct alert_change *c);
struct sandbox;
/* Threads are confined by @sandbox, borrowed until alert_free(); NULL: they are not. */
MUST_CHECK int alert_start(struct alert *a, const struct sandbox *sandbox);
struct alert *alert_free(struct alert *a); /* stops */
/* One record of the incident feed (JSON, detection section 5); copied.  Any thread; never blocks.
 */
void alert_post(struct alert *a, const char *record);

#define ALERT_RECEIVERS_MAX 2

struct alert_counters {
    const char *receiver; /* "syslog", "webhook" */
    uint64_t sent;
    uint64_t failures; /* attempts that failed */
    uint64_t refused;  /* the receiver said never to send that again */
    uint64_t dropped;  /* the queue was full, or the node stopped */
    uint64_t waiting;
};

/* Any thread; Return: how many receivers are set. */
size_t alert_count(struct alert *a, struct alert_counters ret[ALERT_RECEIVERS_MAX]);

/* For the configuration: what is wrong with it; NULL: nothing. */
const char *alert_syslog_wrong_why(const char *text);
const char *alert_webhook_wrong_why(const char *text);
/* Without TLS, and not to this machine? */
bool alert_webhook_is_open(const char *text);
