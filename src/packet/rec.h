/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/rec: writes the sensor's records, one JSON object a line, with the names of Zeek's
 * logs. A record never grows beyond REC_MAX: fields that would not fit are left out, so that
 * what is written is always whole JSON. Text is cut at REC_TEXT_MAX and made safe.
 */
#ifndef PACKET_REC_H
#define PACKET_REC_H
#include "base/str.h"
#include "event/ip.h"

#define REC_MAX	     ((size_t)256 << 10)
#define REC_TEXT_MAX ((size_t)4096)

struct rec {
	char *p; /* all records not yet read */
	size_t len, cap;
	size_t start;	/* of the record being written */
	unsigned depth; /* of lists */
	bool item;	/* the list has an item already */
	bool failed;	/* out of memory: the record is dropped */
	uint64_t records, lost;
};

void rec_free(struct rec *r);
/* Begins a record of the log `path`; known and ts in ns. */
void rec_begin(struct rec *r, const char *path, int64_t known, int64_t ts);
void rec_end(struct rec *r);

/* key has no characters that JSON escapes. A slice without p is left out, an empty one is not.
 */
void rec_str(struct rec *r, const char *key, struct str s);
void rec_z(struct rec *r, const char *key, const char *z); /* NULL is left out */
void rec_u64(struct rec *r, const char *key, uint64_t v);
void rec_i64(struct rec *r, const char *key, int64_t v);
void rec_bool(struct rec *r, const char *key, bool v);
void rec_secs(struct rec *r, const char *key, int64_t ns); /* as seconds */
void rec_ip(struct rec *r, const char *key, const struct ip *ip);
void rec_mac(struct rec *r, const char *key, const uint8_t mac[6]);
void rec_hex(struct rec *r, const char *key, const uint8_t *p, size_t n);

/* A list: items are written by the functions above with key NULL. */
void rec_list(struct rec *r, const char *key);
void rec_list_end(struct rec *r);

#endif
