/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/ot: what the readers of industrial protocols share.
 *
 * A station asks the same question every second for years. Within one connection a read that
 * asks for the same thing again is therefore written once in ten minutes of the clock (aligned,
 * so that every hour in which it was asked has a record of it: nothing learned counts finer);
 * that record says how many like it were passed over. What changes something, what is refused
 * and what is not answered is always written; but where a program comes in thousands of pieces
 * that read alike (CIP), a write only the first OT_WRITES times in those ten minutes. What is
 * still untold when the connection ends is told by one ot_repeats record.
 */
#ifndef PACKET_OT_H
#define PACKET_OT_H
#include "packet/proto.h"

#define OT_WRITES 64 /* above what models of bursts count to */

struct ot_entry {
	uint64_t key;
	uint32_t slice; /* of the clock in which it was last written */
	uint32_t told;	/* in that slice */
	uint32_t n;	/* passed over since */
};

#define OT_SEEN_MAX 1024U /* different reads; then all are told anew */

/*
 * Zeroed at first; its memory is the connection's (ot_close). Frames, which have none, give it
 * an array of their own of OT_SEEN_MAX, and cap.
 */
struct ot_seen {
	struct ot_entry *e;
	uint32_t cap, used;
	uint64_t untold;
};

/* Whether it is a read, by its `access`: "read" or "identify". */
bool ot_is_read(const char *access);
/*
 * Whether a read, known by a hash of all that it asks for, is to be written; then *ret_n is how
 * many like it were not. Without memory all are written.
 */
bool ot_due(struct conn *c, struct ot_seen *s, uint64_t key, uint32_t *ret_n);
/* The same of what changes something, where it is not always written. */
bool ot_write_due(struct conn *c, struct ot_seen *s, uint64_t key, uint32_t *ret_n);
/* In close, or finish: tells what is untold, of this protocol, and gives the memory back. */
void ot_close(struct conn *c, struct ot_seen *s, const char *protocol);
/* "repeats" of a record that is being written, when there were any. */
void ot_repeats(struct rec *r, uint32_t n);

/*
 * As conn_rec, but from and to are who asked and who was asked: in protocols whose two sides
 * speak alike either may have opened the connection. asker: the direction of the request.
 */
struct rec *ot_rec(struct conn *c, const char *path, int64_t ts, enum dir asker);

/* What a device says it is; slices without p are not known. */
struct ot_asset {
	const char *protocol;
	bool office;  /* of any network, not of plants: "asset" */
	enum dir who; /* ignored in frames, whose source it is */
	struct str vendor, product, type, firmware, serial, name;
	const struct ip *host; /* of a frame without addresses, where it says so; else NULL */
};
/* Told once a day of each device and wording. */
void ot_asset(struct conn *c, const struct ot_asset *a);

/* Table of names by number, in any order; NULL: none. */
struct ot_name {
	uint16_t no;
	const char *name;
};
const char *ot_name(const struct ot_name *t, size_t n, unsigned no);
#define OT_NAME(table, no) ot_name((table), ARRAY_LEN(table), (no))
/* The same, or "unknown-N" in tmp. */
const char *ot_name_or(const struct ot_name *t, size_t n, unsigned no, char tmp[24]);
#define OT_NAME_OR(table, no, tmp) ot_name_or((table), ARRAY_LEN(table), (no), (tmp))

/* For ops->gap: goes on; a message begins with a packet nearly always, and what does not fails.
 */
bool ot_gap(struct conn *c, enum dir d, uint64_t n);

/* The start of a record of an Ethernet frame without addresses: from and to by MAC. */
struct rec *ot_frame_rec(struct conn *c, const char *path);
/* The same of an earlier frame; mac: to and from, as they stand in it. */
struct rec *ot_mac_rec(struct conn *c, const char *path, int64_t ts, const uint8_t mac[12]);

#endif
