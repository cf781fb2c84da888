/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/detect_state: throttle windows, running counts, windows of correlations, and who was
 * alerted about last, written to and read from a file of blocks. Windows of models that are no
 * more do no harm: they end.
 */
#ifndef DETECT_DETECT_STATE_H
#define DETECT_DETECT_STATE_H
#include "base/blocks.h"
#include "detect/detect.h"

/* Between two events. Errors stick in w. */
void detect_save(const struct detect *dt, struct blocks_out *w);
/* After detect_start. On failure nothing is remembered: E_VERSION, E_FORMAT, -ENOMEM. */
MUST int detect_load(struct detect *dt, struct blocks_in *r);

#endif
