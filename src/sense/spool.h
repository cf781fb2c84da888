/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sense/spool: what comes over the network, or a pipe, is first written to files, a record a
 * line, and read from there like any other log. So a sender can be told "kept" before anything
 * has looked at the record, a slow reader holds nobody up, and one way back from a crash serves
 * all inputs. Files are DIR/00000000000000000001.log and so on; the reader takes them away.
 * Any thread may call.
 */
#ifndef SENSE_SPOOL_H
#define SENSE_SPOOL_H
#include "base/err.h"
#include "base/str.h"

struct spool;

/* DIR is made when absent. file_bytes: a new file is begun then; 0 = never. */
MUST int spool_open(const char *dir, uint64_t file_bytes, struct spool **ret_s, struct diag *d);
struct spool *spool_close(struct spool *s);
/*
 * Adds records, whole lines each with its end, to what is written next. 0, or <0: then nothing
 * was added, and the file ends where it did.
 */
MUST int spool_add(struct spool *s, struct str lines);
/* Any bytes, for input that is not cut into records here. */
MUST int spool_raw(struct spool *s, struct str bytes);
/* What was added survives the machine's end. */
MUST int spool_sync(struct spool *s);
/* Bytes added since it was opened. */
uint64_t spool_bytes(struct spool *s);

#endif
