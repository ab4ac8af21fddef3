/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/bench.h - bastide bench: load for any MQTT broker, checked message by message
 *
 * The options are one table, from which the command line is read here and the
 * help and the manual are made by cli/.
 */
#pragma once

#include <stdbool.h>

/* clang-format off */
/* kind, field, option, argument, least, most, text; not given: NULL, 0 or false, seconds below 0 */
#define BENCH_OPTIONS(X)                                                                                                  \
    X(TEXT,    host,         "--host",         "HOST",     0, 0,         "the broker's address or name; without it 127.0.0.1") \
    X(COUNT,   port,         "--port",         "N",        1, 65535,     "its port; without it 1883, and 8883 with --ca")  \
    X(TEXT,    ca,           "--ca",           "FILE",     0, 0,         "TLS, with a broker whose certificate is of this CA") \
    X(TEXT,    cert,         "--cert",         "FILE",     0, 0,         "the clients' certificate, with --key")           \
    X(TEXT,    key,          "--key",          "FILE",     0, 0,         "its private key")                                \
    X(TEXT,    server_name,  "--server-name",  "NAME",     0, 0,         "whom the broker's certificate is for; without it HOST") \
    X(TEXT,    user,         "--user",         "NAME",     0, 0,         "the clients' user name")                         \
    X(TEXT,    password_file, "--password-file", "FILE",   0, 0,         "their password, one line; without it the environment's BASTIDE_BENCH_PASSWORD") \
    X(TEXT,    protocol,     "--protocol",     "VERSION",  0, 0,         "5 or 3.1.1; without it 5")                       \
    X(TEXT,    prefix,       "--prefix",       "TOPIC",    0, 0,         "topics begin with this; without it bench")       \
    X(COUNT,   qos,          "--qos",          "QOS",      0, 2,         "of messages and subscriptions; without it 0")    \
    X(COUNT,   size,         "--size",         "BYTES",    32, 1 << 24,  "of a payload; without it 64")                    \
    X(COUNT,   publishers,   "--publishers",   "N",        1, 100000,    "clients that publish")                           \
    X(COUNT,   subscribers,  "--subscribers",  "N",        1, 100000,    "clients that subscribe")                         \
    X(COUNT,   window,       "--window",       "N",        1, 65535,     "messages of one publisher that are on their way") \
    X(COUNT,   rate,         "--rate",         "N",        1, 100000000, "open loop: N messages a second in all, and how late each comes") \
    X(SECONDS, duration,     "--duration",     "SECONDS",  0.1, 86400,   "how long it is measured; without it 5")          \
    X(SECONDS, warmup,       "--warmup",       "SECONDS",  0, 3600,      "how long before that it runs already; without it 0.5") \
    X(COUNT,   messages,     "--messages",     "N",        1, 10000000,  "retained and offline: how many")                 \
    X(COUNT,   filters,      "--filters",      "N",        1, 10000000,  "wild: subscriptions in all; without it 10000")   \
    X(COUNT,   topics,       "--topics",       "N",        1, 1000000,   "wild: topics in use; without it 2000")           \
    X(FLAG,    miss,         "--miss",         NULL,       0, 0,         "wild: filters that share the topics' levels and never match") \
    X(COUNT,   connections,  "--connections",  "N",        1, 1000000,   "idle: how many; without it 1000")                \
    X(COUNT,   concurrency,  "--concurrency",  "N",        1, 10000,     "connections under way at once; without it 32")   \
    X(COUNT,   threads,      "--threads",      "N",        1, 64,        "threads of this program; without it 1")          \
    X(COUNT,   pid,          "--pid",          "PID",      1, 4194304,   "the broker's process, on this machine: CPU time and memory are measured") \
    X(TEXT,    load,         "--load",         "SCENARIO", 0, 0,         "control: fanin, fanout, pair or wild; without it pair") \
    X(TEXT,    socket,       "--socket",       "PATH",     0, 0,         "control: the node's admin socket")               \
    X(COUNT,   control_port, "--control-port", "N",        1, 65535,     "control: the control listener; without it its messages are not measured") \
    X(TEXT,    control_ca,   "--control-ca",   "FILE",     0, 0,         "control: as --ca, for that listener")            \
    X(TEXT,    control_cert, "--control-cert", "FILE",     0, 0,         "control: an operator's certificate")             \
    X(TEXT,    control_key,  "--control-key",  "FILE",     0, 0,         "control: its private key")                       \
    X(FLAG,    json,         "--json",         NULL,       0, 0,         "write JSON, for machines")                       \
    X(FLAG,    quiet,        "--quiet",        NULL,       0, 0,         "no progress on the terminal")

#define BENCH_SCENARIOS(X)                                                                        \
    X(fanin,    "many publishers, one subscriber")                                                \
    X(fanout,   "one publisher, many subscribers")                                                \
    X(pair,     "as many publishers as subscribers, each with its own")                           \
    X(wild,     "wildcard subscriptions")                                                         \
    X(latency,  "pair at a fixed rate")                                                           \
    X(retained, "messages stored, then read by one subscription")                                 \
    X(idle,     "connections that wait")                                                          \
    X(churn,    "connect, subscribe, publish, receive, disconnect, again and again")              \
    X(offline,  "messages queued for sessions that are away, then fetched")                       \
    X(control,  "how fast a node's commands and control messages get through while it is busy")
/* clang-format on */

/* Ask a node's API: POST @body to @path.  Return: false and *@ret_error, to be freed, when the
 * answer is no. */
typedef bool bench_ask_fn(const char *socket_path, const char *path, const char *body,
                          char **ret_error);

int bench_main(int argc, char **argv, bench_ask_fn *ask);
