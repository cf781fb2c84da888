/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/input: a file as bytes of records. A capture becomes what the sensor makes of it, JSON
 * lines; any other file stays as it is. Told apart by content, behind the decompression.
 */
#ifndef PACKET_INPUT_H
#define PACKET_INPUT_H
#include "packet/sensor.h"
#include "sense/file.h"

struct input_stats {
	struct sensor_stats s;
	uint64_t lost; /* bytes of the capture that were no frame */
};

struct packet_in;

/* As file_open; conf (for captures) may be NULL. */
MUST int packet_open(const char *path, const struct sensor_conf *conf,
		     struct packet_in **ret_in, struct diag *d);
struct packet_in *packet_close(struct packet_in *in); /* NULL is fine; returns NULL */
/* As file_read; a capture that breaks off gives its records first. */
MUST int64_t packet_read(struct packet_in *in, char *buf, size_t n);
/* As file_more: a file that grew is read on. A capture is not followed: always false. */
bool packet_more(struct packet_in *in);
/* Its descriptor, as file_fd. */
int packet_fd(const struct packet_in *in);
/* Bytes of the disk used up so far. */
uint64_t packet_taken(const struct packet_in *in);
/*
 * Whether it is a capture. Its records come in order of `known`; *ret_first is the time of the
 * first frame, before which no record is known.
 */
bool packet_is_capture(const struct packet_in *in, int64_t *ret_first);
/* false: it is no capture. */
bool packet_stats(const struct packet_in *in, struct input_stats *ret_stats);

#endif
