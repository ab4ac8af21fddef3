/* SPDX-License-Identifier: Apache-2.0 */
/* respond/words.c - targets, postures and directions as people write them */
#include "base/err.h"
#include "respond/private.h"
#include "wire/wire.h"

/** respond_target_text() - static */
const char *respond_target_text(enum respond_target t)
{
    static const char *const texts[] = {
#define X(name, text) [TARGET_##name] = text,
        RESPOND_TARGETS(X)
#undef X
    };

    check(t < TARGET_N);
    return texts[t];
}

/** respond_target_parse() - Return: false if @text is none; @ret is then untouched. */
bool respond_target_parse(const char *text, enum respond_target *ret)
{
    for (enum respond_target t = 0; t < TARGET_N; t++) {
        if (strcmp(text, respond_target_text(t)) == 0) {
            *ret = t;
            return true;
        }
    }
    return false;
}

/** respond_posture_text() - static */
const char *respond_posture_text(enum respond_posture p)
{
    static const char *const texts[] = {
#define X(name, text) [POSTURE_##name] = text,
        RESPOND_POSTURES(X)
#undef X
    };

    check(p < POSTURE_N);
    return texts[p];
}

/** respond_posture_parse() - Return: false if @text is none; @ret is then untouched. */
bool respond_posture_parse(const char *text, enum respond_posture *ret)
{
    for (enum respond_posture p = 0; p < POSTURE_N; p++) {
        if (strcmp(text, respond_posture_text(p)) == 0) {
            *ret = p;
            return true;
        }
    }
    return false;
}

/* clang-format off */
static const struct {
    const char *text;
    unsigned directions;
} directions[] = {
    {"publish", RESPOND_PUBLISH}, {"deliver", RESPOND_DELIVER}, {"both", RESPOND_PUBLISH | RESPOND_DELIVER},
};
/* clang-format on */

/** respond_direction_parse() - Return: false if @text is none; @ret is then untouched. */
bool respond_direction_parse(const char *text, unsigned *ret)
{
    for (size_t i = 0; i < COUNT_OF(directions); i++) {
        if (strcmp(text, directions[i].text) == 0) {
            *ret = directions[i].directions;
            return true;
        }
    }
    return false;
}

/** respond_direction_text() - of RESPOND_PUBLISH, RESPOND_DELIVER or both; static */
const char *respond_direction_text(unsigned which)
{
    for (size_t i = 0; i < COUNT_OF(directions); i++) {
        if (directions[i].directions == which)
            return directions[i].text;
    }
    return "none";
}

/** respond_topic_wrong_why() - see respond.h */
const char *respond_topic_wrong_why(const char *filter)
{
    if (!wire_topic_filter_valid(bytes_str(filter)))
        return "is no valid topic filter";
    return filter[0] == '$'
               ? "begins with '$': shared names and the node's own topics are left alone"
               : NULL;
}
