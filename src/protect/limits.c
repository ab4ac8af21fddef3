/* SPDX-License-Identifier: Apache-2.0 */
/* protect/limits.c - the defaults of LIMITS; MQ.PR.SP-02 MQ.PR.SP-05 */
#include "protect/protect.h"

const struct limits limits_default = {
#define X(field, deflt, min, max, what) .field = (deflt),
    LIMITS(X)
#undef X
};

#define X(field, deflt, min, max, what)                                                            \
    _Static_assert((deflt) >= (min##ULL) && (deflt) <= (max##ULL), #field ": default out of "      \
                                                                          "range");
LIMITS(X)
#undef X
