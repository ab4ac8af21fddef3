/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/default_credentials.c - D45: names and passwords that everybody knows are tried, or let in
 *
 * Three tries from an address; and once when one of them got in: then the password has to
 * be changed, whoever it was.
 *
 * MQ.PR.IA-03
 */
#include "detect/tally.h"

static const char *const names[] = {
    "admin",    "administrator", "root",          "guest",      "test",      "user",
    "default",  "public",        "anonymous",     "mqtt",       "mosquitto", "emqx",
    "hivemq",   "rabbitmq",      "activemq",      "broker",     "system",    "operator",
    "service",  "support",       "manager",       "supervisor", "engineer",  "maintenance",
    "demo",     "device",        "sensor",        "iot",        "esp",       "esp8266",
    "esp32",    "tasmota",       "homeassistant", "hass",       "node-red",  "nodered",
    "pi",       "raspberry",     "ubnt",          "cisco",      "siemens",   "plc",
    "scada",    "hmi",           "ftp",           "oracle",     "postgres",  "tomcat",
    "nagios",   "zabbix",        "backup",        "monitor",    "webadmin",  "superuser",
    "sysadmin", "netadmin",      "tech",          "installer",  "master",    "1234",
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    if (r->kind == SUBJECT_CLIENT)
        measure_tally(j, r, RULE_D45_ACCEPTED, RULE_D45_ACCEPTED, m);
    else
        measure_tally(j, r, RULE_D45_MEDIUM, RULE_D45_MEDIUM, m);
}

static bool is_default(struct bytes name)
{
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (bytes_equal(name, bytes_str(names[i])))
            return true;
    }
    return false;
}

static void observe(struct judge *j, const struct sight *s)
{
    if (s->e->kind == EVENT_AUTH_FAILED && !s->was_let_in && is_default(s->e->user_name))
        tally(j, s, s->address, RULE_D45_MEDIUM, 1);
    else if (s->e->kind == EVENT_CONNECT_ACCEPTED && (s->e->flags & CONNECT_DEFAULT_SECRET))
        tally(j, s, s->client, RULE_D45_ACCEPTED, 1);
}

const struct detector detect_default_credentials = {
    .info =
        {
            .name = "default-credentials",
            .id = "D45",
            .subcategory = "MQ.PR.IA-03",
            .counts = "logins that everybody knows",
            .attck = {"T0812"},
            .what = "names and passwords that everybody knows are tried, or let in",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 80,
            .watches = BIT64(EVENT_AUTH_FAILED) | BIT64(EVENT_CONNECT_ACCEPTED),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct tally),
    .bytes[SUBJECT_ADDRESS] = sizeof(struct tally),
    .observe = observe,
    .measure = measure,
};
