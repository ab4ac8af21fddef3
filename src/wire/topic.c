/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire/topic.c - topic names and topic filters, section 4.7
 *
 * Bytes are compared as they are, never normalised [MQTT5-4.7.3-4]
 * [MQTT3-4.7.3-4].  That they are text without U+0000 is wire_utf8_valid()'s
 * [MQTT5-4.7.3-2] [MQTT3-4.7.3-2].  Filters are without "$share/group/" here but
 * for wire_topic_filter_valid(), _well_formed() and wire_filter_split_share().
 */
#include "wire/wire.h"

#define TOPIC_LEN_MAX 65535 /* [MQTT5-4.7.3-3] [MQTT3-4.7.3-3] */

/* One level after the other: "a//b" has the levels "a", "" and "b". */
struct levels {
    struct bytes level;
    struct bytes rest; /* behind the separator */
    bool is_last;
};

static struct levels levels_split(struct bytes s)
{
    const uint8_t *slash = s.len > 0 ? memchr(s.at, '/', s.len) : NULL;
    size_t n = slash != NULL ? (size_t)(slash - s.at) : s.len;

    if (slash == NULL)
        return (struct levels){.level = s, .rest = BYTES_NONE, .is_last = true};
    return (struct levels){
        .level = bytes_of(s.at, n),
        .rest = bytes_of(slash + 1, s.len - n - 1),
    };
}

static bool is_just(struct bytes level, char c)
{
    return level.len == 1 && level.at[0] == (uint8_t)c;
}

static bool begins_with(struct bytes s, char c)
{
    return s.len > 0 && s.at[0] == (uint8_t)c;
}

static bool begins_with_wildcard(struct bytes filter)
{
    return begins_with(filter, '+') || begins_with(filter, '#');
}

static bool has(struct bytes s, char c)
{
    return s.len > 0 && memchr(s.at, c, s.len) != NULL;
}

/** wire_topic_too_deep() - has a topic name, or a filter without "$share/group/", more than
 * WIRE_TOPIC_LEVELS_MAX levels? */
bool wire_topic_too_deep(struct bytes s)
{
    size_t n = 1;

    if (s.len < WIRE_TOPIC_LEVELS_MAX) /* all separators even would not be too many */
        return false;
    for (size_t i = 0; i < s.len; i++)
        n += s.at[i] == '/';
    return n > WIRE_TOPIC_LEVELS_MAX;
}

static bool has_topic_size(struct bytes s)
{
    return s.len > 0 && s.len <= TOPIC_LEN_MAX;
}

/**
 * wire_topic_name_well_formed() - does the standard allow it?
 *
 * Not empty [MQTT5-4.7.3-1] [MQTT3-4.7.3-1], no wildcard [MQTT5-4.7.0-1]
 * [MQTT3-4.7.1-1], at most 65,535 bytes.
 */
bool wire_topic_name_well_formed(struct bytes topic)
{
    return has_topic_size(topic) && !wire_filter_has_wildcard(topic);
}

/** wire_topic_name_valid() - may this be published to?  Well-formed, and not too deep. */
bool wire_topic_name_valid(struct bytes topic)
{
    return wire_topic_name_well_formed(topic) && !wire_topic_too_deep(topic);
}

/** wire_topic_filter_valid() - may this be subscribed to?  Well-formed, and not too deep. */
bool wire_topic_filter_valid(struct bytes filter)
{
    struct bytes group;
    bool well_formed = wire_topic_filter_well_formed(filter, WIRE_V5);

    wire_filter_split_share(filter, &group, &filter);
    return well_formed && !wire_topic_too_deep(filter);
}

/**
 * wire_topic_filter_well_formed() - does the standard allow it?
 * @filter:  as sent, "$share/group/" and all, which is understood at each level
 * @level:   before 5.0 what begins with "$share/" and is no share breaks no rule
 *
 * A "#" only as the last level [MQTT5-4.7.1-1] [MQTT3-4.7.1-2], a wildcard only
 * as a whole level [MQTT5-4.7.1-2] [MQTT3-4.7.1-3], a share name and a filter
 * behind "$share/" [MQTT5-4.8.2-1] [MQTT5-4.8.2-2], sizes as of a topic name.
 */
bool wire_topic_filter_well_formed(struct bytes filter, enum wire_level level)
{
    struct bytes group;
    struct bytes behind;
    struct levels it;

    if (!has_topic_size(filter))
        return false;
    if (wire_filter_split_share(filter, &group, &behind)) {
        if (group.len > 0)
            filter = behind;
        else if (level == WIRE_V5)
            return false;
    }
    do {
        it = levels_split(filter);
        if (is_just(it.level, '#') && !it.is_last)
            return false;
        if (it.level.len > 1 && wire_filter_has_wildcard(it.level))
            return false;
        filter = it.rest;
    } while (!it.is_last);
    return true;
}

/** wire_filter_has_wildcard() - is there a "+" or a "#" in it? */
bool wire_filter_has_wildcard(struct bytes filter)
{
    return has(filter, '+') || has(filter, '#');
}

/**
 * wire_filter_split_share() - take "$share/group/" off a filter
 * @filter:      any bytes
 * @ret_group:   the share name, or empty if @filter begins so but breaks
 *               [MQTT5-4.8.2-1] or [MQTT5-4.8.2-2]; untouched on false
 * @ret_filter:  what is behind it; untouched on false; may be where @filter
 *               came from
 *
 * Return: false for a filter that does not begin with "$share/".
 */
bool wire_filter_split_share(struct bytes filter, struct bytes *ret_group, struct bytes *ret_filter)
{
    static const struct bytes prefix = {(const uint8_t *)"$share/", 7};
    struct levels it;

    if (!bytes_has_prefix(filter, prefix))
        return false;
    it = levels_split(bytes_of(filter.at + prefix.len, filter.len - prefix.len));
    if (it.rest.len == 0 || wire_filter_has_wildcard(it.level))
        it.level = BYTES_NONE;
    *ret_group = it.level;
    *ret_filter = it.rest;
    return true;
}

/**
 * wire_filter_matches() - does a subscription to @filter get what is published to @topic?
 * @filter:  valid, without "$share/group/"
 * @topic:   valid
 *
 * A leading wildcard does not match a leading "$" [MQTT5-4.7.2-1]
 * [MQTT3-4.7.2-1].
 */
bool wire_filter_matches(struct bytes filter, struct bytes topic)
{
    if (begins_with(topic, '$') && begins_with_wildcard(filter))
        return false;
    for (;;) {
        struct levels f = levels_split(filter);
        struct levels t = levels_split(topic);

        if (is_just(f.level, '#'))
            return true;
        if (!is_just(f.level, '+') && !bytes_equal(f.level, t.level))
            return false;
        if (t.is_last) /* "a/#" matches "a" too */
            return f.is_last || is_just(f.rest, '#');
        if (f.is_last)
            return false;
        filter = f.rest;
        topic = t.rest;
    }
}

/* "x/#" is "x" and all below, but where there is no topic "x" to be matched: "#" stands for
 * nothing less than "+/#", and "/#" for nothing less than "/+/#". */
static struct bytes spell_out(struct bytes filter)
{
    if (bytes_equal(filter, BYTES("#")))
        return BYTES("+/#");
    if (bytes_equal(filter, BYTES("/#")))
        return BYTES("/+/#");
    return filter;
}

/**
 * wire_filter_covers() - does @filter match every topic that @other matches?
 * @filter:  valid, without "$share/group/", as is @other
 *
 * For authorisation: what a role may subscribe to covers what a client asks for.
 */
bool wire_filter_covers(struct bytes filter, struct bytes other)
{
    if (begins_with(other, '$') && begins_with_wildcard(filter))
        return false;
    other = spell_out(other);
    for (;;) {
        struct levels f = levels_split(filter);
        struct levels o = levels_split(other);

        if (is_just(f.level, '#'))
            return true;
        if (is_just(o.level, '#'))
            return false;
        if (!is_just(f.level, '+') && !bytes_equal(f.level, o.level))
            return false;
        if (o.is_last)
            return f.is_last || is_just(f.rest, '#');
        if (f.is_last)
            return false;
        filter = f.rest;
        other = o.rest;
    }
}

/**
 * wire_filters_overlap() - is there a topic that both match?
 * @a:  valid, without "$share/group/", as is @b
 */
bool wire_filters_overlap(struct bytes a, struct bytes b)
{
    if ((begins_with(a, '$') && begins_with_wildcard(b)) ||
        (begins_with(b, '$') && begins_with_wildcard(a)))
        return false;
    a = spell_out(a);
    b = spell_out(b);
    for (;;) {
        struct levels x = levels_split(a);
        struct levels y = levels_split(b);

        if (is_just(x.level, '#') || is_just(y.level, '#'))
            return true;
        if (!is_just(x.level, '+') && !is_just(y.level, '+') && !bytes_equal(x.level, y.level))
            return false;
        if (x.is_last || y.is_last)
            return (x.is_last && y.is_last) || is_just(x.rest, '#') || is_just(y.rest, '#');
        a = x.rest;
        b = y.rest;
    }
}
