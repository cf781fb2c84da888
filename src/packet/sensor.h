/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/sensor: frames in, records out. Connections are followed, protocols recognised by
 * content and read; what they say is written as the records Zeek would write, in order of the
 * moment at which they are written (_write_ts). Time is that of the packets and never goes
 * back. A sensor belongs to one thread at a time; what it writes depends on nothing but the
 * frames.
 *
 * Connections in vain and lookups, many of a kind, are told of together (packet/crowd.h).
 *
 * Memory is bounded: flows_max connections (the one that would end first is finished for a new
 * one; of those in vain finished so none is told of by itself), app_bytes for protocols and
 * reassembly (beyond it connections are followed without them).
 */
#ifndef PACKET_SENSOR_H
#define PACKET_SENSOR_H
#include "base/err.h"
#include "packet/dissect.h"
#include "packet/rec.h"

struct sensor_conf {
	uint32_t flows_max; /* 0: SENSOR_FLOWS */
	size_t app_bytes;   /* 0: SENSOR_APP_BYTES */
	bool meter;	    /* connections alone, each: no protocols, no reassembly */
	bool each;	    /* no crowds: each is told of by itself */
	struct pfilter *
		filter; /* of packet/pfilter.h, borrowed: of a file only such frames; or NULL */
	struct carve *carve; /* of packet/carve.h, borrowed: where files are kept; or NULL */
};

#define SENSOR_FLOWS	 750000U
#define SENSOR_APP_BYTES (64 * MIB)
#define SENSOR_BATCH	 32

struct sensor_stats {
	uint64_t frames, packets, bytes, flows;
	uint64_t refused[DISSECT_RESULTS]; /* frames, by reason */
	uint64_t evicted;		   /* connections finished early for want of room */
	uint64_t crowded;		   /* connections told of together */
	uint64_t unread; /* connections whose protocol was not read for want of room */
	uint64_t records;
	uint32_t flows_now, flows_most;
	size_t app_now;
};

struct sensor;

MUST int sensor_new(const struct sensor_conf *conf, struct sensor **ret_s);
struct sensor *sensor_free(struct sensor *s);
/*
 * Takes up to n frames (SENSOR_BATCH at most), in order of the capture, and returns how many it
 * took: fewer, or none, when records must be read first. Frames may go afterwards.
 */
unsigned sensor_frames(struct sensor *s, const struct frame *f, unsigned n);
/*
 * Time passes without frames: what is idle ends. A frame that comes later with an earlier time
 * counts as of now.
 * false: records must be read first.
 */
bool sensor_tick(struct sensor *s, int64_t now);
/* Finishes connections at the end of a capture. false: read the records, call again. */
bool sensor_finish(struct sensor *s);
/* What is written so far; whoever reads takes the bytes by setting out->len to 0. */
struct rec *sensor_out(struct sensor *s);
struct carve *sensor_carve(struct sensor *s); /* of its configuration */
void sensor_stats(const struct sensor *s, struct sensor_stats *ret_stats);

#endif
