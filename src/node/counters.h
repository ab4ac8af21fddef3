/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/counters.h - what is counted on the message path
 *
 * One set a worker, written by its thread alone and read by it on request, so that
 * counting is an addition in its own cache lines.  One row gives the counter, the
 * metric's name and help, and where it stands under $SYS; metrics.c has the others.
 */
#pragma once

#include <stdint.h>

/* clang-format off */
/*    name                  $SYS/broker/...               moving average of it      help */
#define COUNTERS(X)                                                                                                                                       \
    X(connections_accepted, NULL,                        "load/sockets",           "network connections accepted")                                        \
    X(connections_refused,  NULL,                        NULL,                     "network connections closed before CONNECT: limit or ban")             \
    X(connects_accepted,    NULL,                        "load/connections",       "CONNECT accepted")                                                    \
    X(connects_refused,     NULL,                        NULL,                     "CONNECT refused")                                                     \
    X(connects_delayed,     NULL,                        NULL,                     "CONNECT that had to wait for its turn, since all were delayed")       \
    X(connects_certificate, NULL,                        NULL,                     "CONNECT accepted by client certificate")                              \
    X(connects_password,    NULL,                        NULL,                     "CONNECT accepted by user name and password")                          \
    X(connects_anonymous,   NULL,                        NULL,                     "CONNECT accepted without credentials")                                \
    X(connects_tls13,       NULL,                        NULL,                     "CONNECT accepted over TLS 1.3")                                       \
    X(connects_tls12,       NULL,                        NULL,                     "CONNECT accepted over TLS 1.2")                                       \
    X(connects_sni,         NULL,                        NULL,                     "CONNECT accepted over TLS with a server name sent")                   \
    X(connects_plain,       NULL,                        NULL,                     "CONNECT accepted without TLS")                                        \
    X(connects_plain_remote,NULL,                        NULL,                     "CONNECT accepted without TLS from beyond loopback")                   \
    X(tls_failed,           NULL,                        NULL,                     "TLS handshakes that failed")                                          \
    X(disconnects_clean,    NULL,                        NULL,                     "network connections ended by DISCONNECT")                             \
    X(disconnects_abnormal, NULL,                        NULL,                     "network connections ended otherwise")                                 \
    X(keep_alive_timeouts,  NULL,                        NULL,                     "network connections closed by keep alive")                            \
    X(connect_timeouts,     NULL,                        NULL,                     "network connections closed because no CONNECT came in time")          \
    X(takeovers,            NULL,                        NULL,                     "sessions taken over by a newer network connection")                   \
    X(sessions_expired,     "clients/expired",           NULL,                     "sessions that ended by their expiry interval")                        \
    X(protocol_errors,      NULL,                        NULL,                     "network connections closed for malformed packets or protocol errors") \
    X(packets_received,     "messages/received",         "load/messages/received", "control packets received")                                            \
    X(packets_sent,         "messages/sent",             "load/messages/sent",     "control packets sent")                                                \
    X(bytes_received,       "bytes/received",            "load/bytes/received",    "bytes received")                                                      \
    X(bytes_sent,           "bytes/sent",                "load/bytes/sent",        "bytes sent")                                                          \
    X(bytes_remote,         NULL,                        NULL,                     "bytes received from and sent to beyond loopback")                     \
    X(bytes_remote_tls,     NULL,                        NULL,                     "those of them that went over TLS")                                    \
    X(messages_received,    "publish/messages/received", "load/publish/received",  "PUBLISH received")                                                    \
    X(messages_sent,        "publish/messages/sent",     "load/publish/sent",      "PUBLISH sent")                                                        \
    X(payload_bytes_received, "publish/bytes/received",  NULL,                     "bytes of payload in PUBLISH received")                                \
    X(payload_bytes_sent,   "publish/bytes/sent",        NULL,                     "bytes of payload in PUBLISH sent")                                    \
    X(messages_queued,      NULL,                        NULL,                     "messages that had to wait in a queue")                                \
    X(messages_dropped,     "publish/messages/dropped",  "load/publish/dropped",   "messages dropped by a queue's rule or too large for the client")      \
    X(messages_expired,     "publish/messages/expired",  NULL,                     "messages that expired before the session they were for could deliver them") \
    X(messages_unmatched,   NULL,                        NULL,                     "PUBLISH received that no subscription matched")                       \
    X(messages_forwarded,   NULL,                        NULL,                     "messages sent to other outlets")                                      \
    X(publish_denied,       NULL,                        NULL,                     "PUBLISH refused by the gate")                                         \
    X(messages_quarantined, NULL,                        NULL,                     "messages refused, not delivered or dropped because their topic, or who sent them to whom, is quarantined") \
    X(commands_held,        NULL,                        NULL,                     "commands held for a person's approval in place of being routed")      \
    X(subscribe_denied,     NULL,                        NULL,                     "subscriptions refused by the gate")                                   \
    X(subscribes,           NULL,                        NULL,                     "subscriptions granted")                                               \
    X(limits_hit,           NULL,                        NULL,                     "times a limit was reached")                                           \
    X(bans_hit,             NULL,                        NULL,                     "network connections and CONNECTs refused by a ban")                   \
    X(publishers_held,      NULL,                        NULL,                     "times publishers were held back for slow receivers")                  \
    X(wills_published,      NULL,                        NULL,                     "Will Messages published")                                             \
    X(events_dropped,       NULL,                        NULL,                     "events that detection did not get because its block was full")
/* clang-format on */

struct counters {
#define X(name, topic, load, help) uint64_t name;
    COUNTERS(X)
#undef X
};
