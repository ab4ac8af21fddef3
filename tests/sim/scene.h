/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/scene.h - something particular that is played on the simulated system, without the model
 *
 * A scene draws its settings, has a node of its own, and gives all back.
 */
#pragma once

#include "sim/kernel.h"
#include "sim/packet.h"
#include "sim/sim.h"

struct node;

struct scene {
    void (*draw)(void); /* @settings, and what is the scene's own; chance has the seed */
    void (*play)(struct node *n);
    void (*end)(void); /* after the node: its clients are given back */
};

/* main() of a program that plays these, one after the other, for each seed of its command line. */
int scenes_main(char **argv, const struct scene *scenes, size_t n);

/* What a client needs. */
struct connect_packet scene_connect(const char *client_id, uint8_t level, bool clean);
void scene_say(struct socket *s, struct buf *packet); /* which is given back */
void scene_read(struct socket *s, struct buf *in);    /* all that has arrived; @s NULL: nothing */
/* Each packet of that, up to one that is not whole, is for @heed, which does not close @s. */
typedef void scene_heed_fn(void *arg, const struct packet *got);
void scene_heed(struct socket *s, struct buf *in, uint8_t level, scene_heed_fn *heed, void *arg);
struct socket *scene_close(struct socket *s); /* NULL: fine; Return: NULL */
void scene_subscribe(struct socket *s, const char *filter, uint8_t level); /* at QoS 1 */
/* At QoS 1: @n as a number. */
void scene_publish(struct socket *s, const char *topic, unsigned n, uint8_t level);

/* Who has something to do does it; Return: false: nobody has. */
bool scene_turn(unsigned worker);
bool scene_others_work(void); /* all that is not the workers': passwords, the disk */
bool scene_all_work(void);    /* each of them, and these */
