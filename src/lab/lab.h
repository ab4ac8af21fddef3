/* SPDX-License-Identifier: Apache-2.0 */
/* lab/lab.h - the energy provider's field message bus (Appendix A) as real clients */
#pragma once

int lab_main(int argc, char **argv);
