/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/persist.c - what clients are used to, as rows of text that somebody else keeps
 *
 * A row a client: which slots it has of what was learned, and their bytes, which are numbers
 * without times, in hexadecimal; rows of what detectors keep beyond records (detector.kept_bytes),
 * a piece each; and one for the key that the topics in all of them are hashed with.  A row says how
 * long the slots are and whose: a program with other detectors does not take it, and learns anew.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "detect/private.h"

#define CLIENT_PREFIX "client:"
#define OWN_PREFIX    "own:" /* and "D31:7": the eighth piece */
#define KEY_ROW       "key"
#define PIECE_BYTES   1024U
#define HEAD          "{\"layout\": \"%016" PRIx64 "\", \"has\": \"%016" PRIx64 "\", \"learned\": \""

/* Of what and in which order: the same in all programs that can read each other's rows. */
static uint64_t layout_of(const struct detect *d)
{
    static const struct hash_key fixed = {{0x6c61796f7574, 1}};
    struct buf text = {0};
    uint64_t hash;

    buf_addf(&text, "%zu:%zu ", sizeof(struct knowledge), sizeof(struct bloom));
    for (size_t i = 0; i < detect_detectors(); i++)
        buf_addf(&text, "%s:%u:%zu ", detector_at(i)->info.id, d->learned.bytes[LEARNED_OF(i)],
                 detector_at(i)->kept_bytes);
    hash = hash_with(&fixed, buf_view(&text));
    buf_done(&text);
    return hash;
}

static char *doc_of(uint64_t layout, uint64_t has, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    struct buf doc = {0};
    char *text;

    buf_addf(&doc, HEAD, layout, has);
    for (size_t i = 0; i < len; i++)
        buf_addf(&doc, "%02x", at[i]);
    buf_addf(&doc, "\"}");
    text = bytes_dup_str(buf_view(&doc));
    buf_done(&doc);
    return text;
}

static unsigned digit(char c)
{
    return c >= 'a' ? (unsigned)(c - 'a') + 10 : (unsigned)(c - '0');
}

/* Which slots a row has; 0 when it is none. */
static uint64_t read_has(const char *doc)
{
    const char *at = strstr(doc, "\"has\": \"");

    return at != NULL ? strtoull(at + strlen("\"has\": \""), NULL, 16) : 0;
}

/* Could record.c have made this? */
static bool is_sound(const struct pack *learned)
{
    const struct knowledge *k = (const void *)learned->at;

    return (learned->has & BIT64(LEARNED_KNOWLEDGE)) ? k->n_few <= TOPICS_FEW
                                                     : !(learned->has & BIT64(LEARNED_TOPICS));
}

/* Return: false if @doc is not of this layout, with these slots and of this length. */
static bool read_doc(const char *doc, uint64_t layout, uint64_t has, void *ret, size_t len)
{
    char head[96];
    size_t head_len = (size_t)snprintf(head, sizeof(head), HEAD, layout, has);
    const char *hex = doc + head_len;

    if (strncmp(doc, head, head_len) != 0 || strspn(hex, "0123456789abcdef") != 2 * len ||
        strcmp(hex + 2 * len, "\"}") != 0)
        return false;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)ret)[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
    return true;
}

static void tell_key(const struct detect *d, detect_habit_fn *fn, void *arg)
{
    char *doc = doc_of(layout_of(d), 0, &d->key, sizeof(d->key));

    fn(arg, KEY_ROW, doc);
    free(doc);
}

static void tell_client(const struct detect *d, const struct record *r, detect_habit_fn *fn,
                        void *arg)
{
    char *doc =
        doc_of(layout_of(d), r->learned.has, r->learned.at, pack_bytes(&r->learned, &d->learned));
    char *key = detect_habit_key(bytes_str(r->name));

    fn(arg, key, doc);
    free(key);
    free(doc);
}

/* ---- what detectors keep beyond records ---- */

/** pieces_of() - Return: how many rows it takes to keep what a detector has of its own. */
size_t pieces_of(const struct detector *row)
{
    return (row->kept_bytes + PIECE_BYTES - 1) / PIECE_BYTES;
}

static struct bytes piece_of(const struct detect *d, size_t detector, size_t piece)
{
    size_t from = piece * PIECE_BYTES;

    return bytes_of((uint8_t *)d->benches[detector].own + from,
                    MIN((size_t)PIECE_BYTES, detector_at(detector)->kept_bytes - from));
}

static bool is_zero(struct bytes b)
{
    size_t i = 0;

    while (i < b.len && b.at[i] == 0)
        i++;
    return i == b.len;
}

/* @is_due: although it has not changed. */
static void tell_piece(const struct detect *d, size_t detector, size_t piece, bool is_due,
                       detect_habit_fn *fn, void *arg)
{
    struct bytes at = piece_of(d, detector, piece);
    uint64_t hash = hash_keyed(at);
    uint64_t *told = &d->benches[detector].told[piece];
    char key[32], *doc;

    if ((hash == *told && !is_due) || (*told == 0 && is_zero(at)))
        return;
    *told = hash;
    snprintf(key, sizeof(key), OWN_PREFIX "%s:%zu", detector_at(detector)->info.id, piece);
    doc = doc_of(layout_of(d), 0, at.at, at.len);
    fn(arg, key, doc);
    free(doc);
}

/* Those that have changed; and one more in turn, so that no row is as old as one that is forgotten.
 */
static void tell_pieces(struct detect *d, detect_habit_fn *fn, void *arg)
{
    size_t n = 0;

    for (size_t i = 0; i < detect_detectors(); i++)
        for (size_t k = 0; k < pieces_of(detector_at(i)); k++)
            tell_piece(d, i, k, n++ == d->piece_due, fn, arg);
    d->piece_due = (d->piece_due + 1) % n;
}

/* @name: behind OWN_PREFIX. */
static bool take_piece(struct detect *d, const char *name, const char *doc)
{
    for (size_t i = 0; i < detect_detectors(); i++) {
        const char *id = detector_at(i)->info.id;
        size_t piece;
        char *end;

        if (strncmp(name, id, strlen(id)) != 0 || name[strlen(id)] != ':')
            continue;
        piece = strtoul(name + strlen(id) + 1, &end, 10);
        if (*end != '\0' || piece >= pieces_of(detector_at(i)))
            return false;
        return read_doc(doc, layout_of(d), 0, (void *)(uintptr_t)piece_of(d, i, piece).at,
                        piece_of(d, i, piece).len);
    }
    return false;
}

/** detect_habit_key() - the key of a client's row; Return: owned. */
char *detect_habit_key(struct bytes client_id)
{
    return text_format(CLIENT_PREFIX "%.*s", BYTES_ARG(client_id));
}

/**
 * detect_habits_each() - what has changed since it was told of last
 * @n_max:  so many clients; the others the next time
 * @fn:     must not call detect
 *
 * Clients on which a finding stands are left out: what they do now is no habit.
 *
 * Return: how many clients.
 */
size_t detect_habits_each(struct detect *d, size_t n_max, detect_habit_fn *fn, void *arg)
{
    size_t cursor = 0;
    size_t n = 0;
    struct record *r;

    tell_key(d, fn, arg);
    tell_pieces(d, fn, arg);
    while (n < n_max && (r = subjects_next(&d->clients, &cursor)) != NULL) {
        uint32_t hash;

        if (r->learned.has == 0 || r->n_standing > 0)
            continue;
        hash = (uint32_t)hash_keyed(bytes_of(r->learned.at, pack_bytes(&r->learned, &d->learned)));
        if (hash == r->told)
            continue;
        r->told = hash;
        tell_client(d, r, fn, arg);
        n++;
    }
    return n;
}

/**
 * detect_habit_take() - a row of detect_habits_each() is read back; before the first event
 *
 * Return: false if the row is not one of this program's.
 */
bool detect_habit_take(struct detect *d, const char *key, const char *doc, uint64_t now_ns)
{
    size_t prefix = strlen(CLIENT_PREFIX);
    struct pack learned = {.has = read_has(doc)};
    struct record *r;

    if (strcmp(key, KEY_ROW) == 0)
        return read_doc(doc, layout_of(d), 0, &d->key, sizeof(d->key));
    if (strncmp(key, OWN_PREFIX, strlen(OWN_PREFIX)) == 0)
        return take_piece(d, key + strlen(OWN_PREFIX), doc);
    if (strncmp(key, CLIENT_PREFIX, prefix) != 0 || key[prefix] == '\0' || learned.has == 0)
        return false;
    learned.at = mem_zero(pack_bytes(&learned, &d->learned));
    if (!read_doc(doc, layout_of(d), learned.has, learned.at, pack_bytes(&learned, &d->learned)) ||
        !is_sound(&learned)) {
        pack_done(&learned);
        return false;
    }
    r = record_of(d, SUBJECT_CLIENT, bytes_str(key + prefix), now_ns);
    pack_done(&r->learned);
    r->learned = learned;
    return true;
}
