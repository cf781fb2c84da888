/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event/entity_state: who is who, written to and read from a file of blocks: entities with
 * their ids, names and times, addresses with their holders and names, domains found to be the
 * organisation's own.
 */
#ifndef EVENT_ENTITY_STATE_H
#define EVENT_ENTITY_STATE_H
#include "base/blocks.h"
#include "event/entity.h"

/* Between two events. Errors stick in w. */
void entities_save(const struct entities *en, struct blocks_out *w);
/*
 * After entities_new; what en knew is replaced, but for configured networks and domains. On
 * failure en is as it was: E_VERSION, E_FORMAT, -ENOMEM or what blocks_next says.
 */
MUST int entities_load(struct entities *en, struct blocks_in *r);

#endif
