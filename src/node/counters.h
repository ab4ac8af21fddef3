/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/counters.h - what is counted on the message path
 *
 * One set a worker, written by its thread alone and read by it on request, so that
 * counting is an addition in its own cache lines.  One row gives the counter, the
 * metric's name and its help.
 */
#pragma once

#include <stdint.h>

/* clang-format off */
#define COUNTERS(X)                                                                             \
    X(connections_accepted,  "network connections accepted")                                    \
    X(connections_refused,   "network connections closed before CONNECT: limit or ban")         \
    X(connects_accepted,     "CONNECT accepted")                                                \
    X(connects_refused,      "CONNECT refused")                                                 \
    X(connects_certificate,  "CONNECT accepted by client certificate")                          \
    X(connects_password,     "CONNECT accepted by user name and password")                      \
    X(connects_anonymous,    "CONNECT accepted without credentials")                            \
    X(connects_tls13,        "CONNECT accepted over TLS 1.3")                                   \
    X(connects_tls12,        "CONNECT accepted over TLS 1.2")                                   \
    X(connects_sni,          "CONNECT accepted over TLS with a server name sent")               \
    X(connects_plain,        "CONNECT accepted without TLS")                                    \
    X(connects_plain_remote, "CONNECT accepted without TLS from beyond loopback")               \
    X(tls_failed,            "TLS handshakes that failed")                                      \
    X(disconnects_clean,     "network connections ended by DISCONNECT")                         \
    X(disconnects_abnormal,  "network connections ended otherwise")                             \
    X(keep_alive_timeouts,   "network connections closed by keep alive")                        \
    X(connect_timeouts,      "network connections closed because no CONNECT came in time")      \
    X(takeovers,             "sessions taken over by a newer network connection")               \
    X(protocol_errors,       "network connections closed for malformed packets or protocol errors") \
    X(packets_received,      "control packets received")                                        \
    X(bytes_received,        "bytes received")                                                  \
    X(bytes_sent,            "bytes sent")                                                      \
    X(bytes_remote,          "bytes received from and sent to beyond loopback")                 \
    X(bytes_remote_tls,      "those of them that went over TLS")                                \
    X(messages_received,     "PUBLISH received")                                                \
    X(messages_sent,         "PUBLISH sent")                                                    \
    X(messages_queued,       "messages that had to wait in a queue")                            \
    X(messages_dropped,      "messages dropped by a queue's rule or too large for the client")  \
    X(messages_unmatched,    "PUBLISH received that no subscription matched")                   \
    X(messages_forwarded,    "messages sent to other outlets")                                  \
    X(publish_denied,        "PUBLISH refused by the gate")                                     \
    X(subscribe_denied,      "subscriptions refused by the gate")                               \
    X(subscribes,            "subscriptions granted")                                           \
    X(limits_hit,            "times a limit was reached")                                       \
    X(bans_hit,              "network connections and CONNECTs refused by a ban")               \
    X(publishers_held,       "times publishers were held back for slow receivers")              \
    X(wills_published,       "Will Messages published")                                         \
    X(events_dropped,        "events that detection did not get because its block was full")
/* clang-format on */

struct counters {
#define X(name, help) uint64_t name;
    COUNTERS(X)
#undef X
};
