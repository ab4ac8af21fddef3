/* SPDX-License-Identifier: Apache-2.0 */
/* detect/words.c - severities, kinds of subjects and modes as texts */
#include "base/err.h"
#include "detect/detect.h"

/** severity_text() - as incidents and the API have it; static */
const char *severity_text(enum severity s)
{
    static const char *const texts[] = {
#define X(name, text) [SEVERITY_##name] = text,
        SEVERITIES(X)
#undef X
    };

    check(s < SEVERITY_N);
    return texts[s];
}

/** severity_parse() - Return: false if @text is no severity; @ret is then untouched. */
bool severity_parse(const char *text, enum severity *ret)
{
    for (enum severity s = 0; s < SEVERITY_N; s++) {
        if (strcmp(text, severity_text(s)) == 0) {
            *ret = s;
            return true;
        }
    }
    return false;
}

/** subject_kind_text() - what stands before the colon of an incident's subject; static */
const char *subject_kind_text(enum subject_kind k)
{
    static const char *const texts[] = {
#define X(name, text) [SUBJECT_##name] = text,
        SUBJECT_KINDS(X)
#undef X
    };

    check(k < SUBJECT_KIND_N);
    return texts[k];
}

/** detect_mode_text() - as the configuration has it; static */
const char *detect_mode_text(enum detect_mode m)
{
    static const char *const texts[] = {
#define X(name, text) [DETECT_MODE_##name] = text,
        DETECT_MODES(X)
#undef X
    };

    check(m < COUNT_OF(texts));
    return texts[m];
}
