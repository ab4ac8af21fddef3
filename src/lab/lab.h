/* SPDX-License-Identifier: Apache-2.0 */
/* lab/lab.h - the energy provider's field message bus (Appendix A) as real clients */
#pragma once

#include <stdbool.h>

int lab_main(int argc, char **argv);
/* Is there a drill of that name, or of the detector of that name? */
bool lab_has_drill(const char *name);
