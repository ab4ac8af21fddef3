/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/exchange.h - one question to the API and its answer, apart from HTTP
 *
 * A handler reads params, query and body and calls exactly one of the
 * exchange_* functions that set the answer.
 */
#pragma once

#include <jansson.h>

#include "base/bytes.h"
#include "node/node.h"

#define EXCHANGE_AUTHOR_MAX 96

enum exchange_method {
    EXCHANGE_GET,
    EXCHANGE_POST,
    EXCHANGE_OTHER,
};

struct exchange {
    struct node *node; /* borrowed */
    enum exchange_method method;
    const char *author; /* borrowed: "admin:alice" */
    /* What was asked. */
    char *param;   /* owned: what the {} of the route's pattern stands for; NULL */
    json_t *query; /* owned: object of texts; NULL */
    json_t *body;  /* owned: object; NULL */
    /* The answer. */
    int status;      /* of HTTP; 0 until one of the functions below was called */
    json_t *reply;   /* owned; NULL when the answer is a text */
    struct buf text; /* owned */
    char allows[16]; /* the methods of the path, after 405 */
    bool stops;      /* the node is to stop once the answer has left */
};

typedef void exchange_handler_fn(struct exchange *x);

void exchange_done(struct exchange *x);
void exchange_reply(struct exchange *x, json_t *reply);
void exchange_refuse(struct exchange *x, int status, const char *what_to_do, const char *format,
                     ...) PRINTF(4, 5);
void exchange_answer(struct exchange *x, enum node_answer a, const unsigned *count, char *text);
void exchange_read_query(struct exchange *x, const char *text);
void exchange_read_body(struct exchange *x, struct bytes text);
bool exchange_takes(struct exchange *x, const json_t *from, const char *takes);

/* admin/routes.c */
void routes_dispatch(struct exchange *x, const char *path);

/* admin/view.c */
exchange_handler_fn view_assets;
exchange_handler_fn view_audit;
exchange_handler_fn view_audit_heads;
exchange_handler_fn view_bans;
exchange_handler_fn view_client;
exchange_handler_fn view_clients;
exchange_handler_fn view_command;
exchange_handler_fn view_crypto;
exchange_handler_fn view_evidence;
exchange_handler_fn view_flows;
exchange_handler_fn view_incident;
exchange_handler_fn view_incident_stats;
exchange_handler_fn view_incidents;
exchange_handler_fn view_keys;
exchange_handler_fn view_metrics;
exchange_handler_fn view_network;
exchange_handler_fn view_records;
exchange_handler_fn view_responses;
exchange_handler_fn view_status;

/* admin/act.c */
exchange_handler_fn post_ack;
exchange_handler_fn post_approve;
exchange_handler_fn post_approve_command;
exchange_handler_fn post_approve_order;
exchange_handler_fn post_withdraw_command;
exchange_handler_fn post_withdraw_order;
exchange_handler_fn post_assign;
exchange_handler_fn post_backup;
exchange_handler_fn post_asset_state;
exchange_handler_fn post_asset_inspected;
exchange_handler_fn post_audit;
exchange_handler_fn post_ban;
exchange_handler_fn post_close;
exchange_handler_fn post_disconnect;
exchange_handler_fn post_key_change;
exchange_handler_fn post_key_rotate;
exchange_handler_fn post_record;
exchange_handler_fn post_reload;
exchange_handler_fn post_respond;
exchange_handler_fn post_rollback;
exchange_handler_fn post_stop;
exchange_handler_fn post_suspend;
exchange_handler_fn post_unban;
exchange_handler_fn post_undo;
