/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sense/evtx: Windows event log files (.evtx) as XML, one <Event> a line, as Windows itself
 * would write it. Private to file.c.
 *
 * A file is a head of 4096 bytes and chunks of 65536; a chunk holds everything that its records
 * need. What cannot be read becomes <EvtxDamage why="..."/> in the place of the records. Work
 * and output are bounded per record, whatever the bytes say.
 */
#ifndef SENSE_EVTX_H
#define SENSE_EVTX_H
#include "base/buf.h"

#define EVTX_HEAD      ((size_t)4096)
#define EVTX_CHUNK     ((size_t)65536)
#define EVTX_CHUNK_XML ((size_t)32 << 20) /* of one chunk at most */

/* Whether the file that begins with these bytes is one. */
bool evtx_is(struct str head);
/* Appends the XML of the records of a chunk (all EVTX_CHUNK bytes of it, or fewer of a torn
 * file) to out, whose limit should be EVTX_CHUNK_XML. A chunk that was never used gives
 * nothing.
 */
void evtx_chunk(struct str chunk, struct buf *out);

#endif
