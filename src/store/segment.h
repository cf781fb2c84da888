/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/segment: append-only files of compressed event blocks.
 *
 *   file  = magic[8] block*
 *   block = struct seg_head, postings u64[npost] (sorted hashes of ids and entities, the low
 *           byte a bit for each frame that has them), lead, frames; all little-endian
 *   lead  = u32 count, struct seg_frame[count], zstd(n types, n entities "kind:name", rows):
 *           of each event seq, times, type, entities, and how long its bytes are
 *           (segment_rows.h)
 *   frame = zstd(of each event its id, raw bytes and tail (extra.c; may be empty))
 *
 * So a search reads the rows of the blocks that its hashes name, and unpacks a frame only for
 * an event that it wants. One checksum covers head and postings, so that a block may be passed
 * over by them alone, one the lead, one each frame. A reader stops at the first block that is
 * short or does not match: a torn tail loses only that block. A writer cuts it off.
 *
 * The way in: seg_append (segment.c) fills a block (segment_fill), which is packed and written
 * once it is full, by a thread of its own. The way out: seg_read (segment_read.c) asks the
 * index for the blocks and frames that may hold what is wanted (segment_index, which reads
 * heads and postings with segment_scan), has them read and unpacked (segment_cache), looks
 * through the rows (segment_rows), and gives what is meant. segment_retain.c takes the oldest
 * away.
 */
#ifndef STORE_SEGMENT_H
#define STORE_SEGMENT_H
#include "store/store.h"

struct seg_writer;

/* Opens DIR/events.seg for appending (made when absent, emptied when fresh). */
MUST int seg_writer_open(const char *dir, bool fresh, bool background, int level,
			 struct seg_writer **ret_w, struct diag *d);
MUST int seg_append(struct seg_writer *w, const struct event *e, const struct entities *en,
		    const struct store_extra *x);
/* Writes what is buffered and waits until it is on disk. */
MUST int seg_sync(struct seg_writer *w);
struct seg_writer *seg_writer_close(struct seg_writer *w);
void seg_stats(struct seg_writer *w, struct store_stats *ret_s);

/*
 * Where what is asked for stands in DIR/events.seg; follows the file as it grows. Any number of
 * threads and readers may share one. 0, or <0 with d (no store there: -ENOENT).
 */
struct seg_blocks;
MUST int seg_blocks_open(const char *dir, struct seg_blocks **ret_x, struct diag *d);
struct seg_blocks *seg_blocks_close(struct seg_blocks *x);

/*
 * Reads DIR/events.seg, with a bounded cache of unpacked blocks. One thread. shared is
 * borrowed; NULL: the reader makes its own.
 */
struct seg_reader;
MUST int seg_reader_open(const char *dir, struct seg_blocks *shared, struct seg_reader **ret_x,
			 struct diag *d);
struct seg_reader *seg_reader_close(struct seg_reader *x);
/* Calls row() for the events that q asks for, in order of seq. See store_events. */
MUST int seg_read(struct seg_reader *x, const struct store_query *q,
		  int (*row)(const struct store_event *e, void *arg), void *arg,
		  struct diag *d);

/* See store_event_bytes. */
MUST int seg_read_bytes(struct seg_reader *x, struct store_event *e, struct diag *d);

/* As store_histogram and store_range. */
MUST int seg_histogram(struct seg_reader *x, const struct store_query *q,
		       struct store_histogram *h, struct diag *d);
MUST int seg_range(struct seg_reader *x, int64_t *ret_from, int64_t *ret_to, uint64_t *ret_n,
		   struct diag *d);

/*
 * Gives back the disk of the oldest blocks: those whose events were all known before `before`,
 * and as many as it takes that the rest has at most max_bytes (UINT64_MAX: any). A block at or
 * behind the place `keep` (seg_end) stays, whatever is asked. Readers and the writer go on.
 * *ret_n: blocks that went. 0, -EOPNOTSUPP when the file system cannot make holes, or <0 with
 * d.
 */
MUST int seg_retain(const char *dir, int64_t before, uint64_t max_bytes, uint64_t keep,
		    uint64_t *ret_n, struct diag *d);
/* See store_end. */
MUST int seg_end(const char *dir, uint64_t *ret_place, struct diag *d);

/* What postings hold: hash of an event id, and of "kind:name". */
uint64_t seg_id_hash(struct str id);
uint64_t seg_entity_hash(struct str kind_and_name);

/* extra.c: the tail of a record. */
void seg_extra_put(struct buf *b, const struct event *e, const struct store_extra *x);

#endif
