/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/drill_acts.h - what the attacks of `bastide drill` do, and do it with; private to lab
 *
 * An act is one attempt of a bout, the @i-th; false: it did not work.  What a bout holds ends with
 * it.
 */
#pragma once

#include "client/client.h"
#include "lab/drill_bout.h"

#define ANSWER_MS 60000 /* who guesses is answered with delay, by a small machine slowly */

/* drill_attacks.c */
struct client_settings bout_settings(const struct bout *b);
struct client *bout_hold(struct bout *b, struct client *c);
struct client *bout_attacker(const struct bout *b);
struct client *bout_connect(struct bout *b, const struct client_settings *s);
bool bout_publish(struct client *c, const struct client_message *m);

/* drill_connections.c */
attempt_fn comes_again;
attempt_fn is_cut_off;
attempt_fn knocks_and_runs;
attempt_fn knocks_and_waits;
attempt_fn talks_nonsense;
attempt_fn says_nothing;
attempt_fn says_nothing_for_ever;
attempt_fn guesses;
attempt_fn tries_many_names;
attempt_fn tries_default_name;
attempt_fn takes_over;
attempt_fn makes_up_client_ids;
attempt_fn comes_with_an_older_version;
attempt_fn comes_from_elsewhere;
attempt_fn shows_a_strange_certificate;
attempt_fn leaves_a_bad_will;

/* drill_messages.c */
attempt_fn publishes_elsewhere;
attempt_fn publishes_to_nobody;
attempt_fn retains;
attempt_fn commands_what_it_may_not;
attempt_fn commands_without_end;
attempt_fn replays;
attempt_fn publishes_properties;
attempt_fn publishes_deep;
attempt_fn publishes_large;
attempt_fn floods;
attempt_fn leaves_qos2_open;
attempt_fn does_not_read;
attempt_fn replaces_what_is_retained;
attempt_fn speaks_for_another;
attempt_fn subscribes_elsewhere;
attempt_fn subscribes_without_end;
attempt_fn asks_for_what_is_not_its;
attempt_fn asks_for_sys;
attempt_fn asks_for_all;
