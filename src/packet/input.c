/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/input.h"
#include "packet/capture.h"
#include "packet/pfilter.h"
#include <errno.h>
#include <stdlib.h>

#define HEAD_BYTES   ((size_t)24)
#define BUFFER_BYTES (CAPTURE_FRAME_MAX + 256 * KIB)
#define READ_BYTES   (128 * KIB)

struct packets {
	struct sensor *sensor;
	struct pfilter *filter; /* borrowed; or NULL */
	struct capture cap;
	uint8_t *buf; /* [BUFFER_BYTES] */
	size_t at, len;
	struct frame frame[SENSOR_BATCH]; /* cut out, views into buf */
	unsigned nframe, frame_at;
	size_t out_at; /* of the sensor's records, already given out */
	int64_t first;
	bool any;	 /* a frame has come */
	bool end, ended; /* the file has; all flows are finished */
	int64_t err;	 /* of the file */
};

struct packet_in {
	struct file_in *file;
	char head[HEAD_BYTES]; /* bytes looked at, given out again */
	size_t nhead, head_at;
	struct packets *p; /* NULL: no capture */
};

static void packets_free(struct packets *p)
{
	if (!p)
		return;
	sensor_free(p->sensor);
	free(p->buf);
	free(p);
}

struct packet_in *packet_close(struct packet_in *in)
{
	if (!in)
		return NULL;
	file_close(in->file);
	packets_free(in->p);
	free(in);
	return NULL;
}

/* More of the file behind what is not yet cut. */
static void read_more(struct packet_in *in)
{
	struct packets *p = in->p;
	int64_t r;

	if (p->at) {
		memmove(p->buf, p->buf + p->at, p->len - p->at);
		p->len -= p->at;
		p->at = 0;
	}
	if (p->len == BUFFER_BYTES) { /* no frame is that long */
		p->at = p->len;
		return;
	}
	r = file_read(in->file, (char *)p->buf + p->len,
		      MIN(READ_BYTES, BUFFER_BYTES - p->len));
	if (r > 0) {
		p->len += (size_t)r;
		return;
	}
	p->end = true;
	p->err = r;
}

/* Cuts the next frames; there are none only at the end. */
static void cut_frames(struct packet_in *in)
{
	struct packets *p = in->p;

	p->nframe = p->frame_at = 0;
	while (!p->nframe) {
		enum capture_result r = CAPTURE_BAD;

		while (p->nframe < SENSOR_BATCH && r != CAPTURE_MORE) {
			r = capture_next(&p->cap, str_n((char *)p->buf, p->len), &p->at,
					 &p->frame[p->nframe]);
			p->nframe +=
				r == CAPTURE_FRAME &&
				(!p->filter || pfilter_match(p->filter, &p->frame[p->nframe]));
		}
		if (p->nframe)
			break;
		if (p->end) {
			p->cap.lost += p->len - p->at;
			p->at = p->len;
			break;
		}
		read_more(in);
	}
	if (p->nframe && !p->any) {
		p->any = true;
		p->first = MAX(p->frame[0].ts, 0);
	}
}

/* Goes on until the sensor has written something, or all is said. */
static void work(struct packet_in *in)
{
	struct packets *p = in->p;
	struct rec *out = sensor_out(p->sensor);

	if (p->out_at == out->len)
		p->out_at = out->len = 0;
	while (!p->ended && out->len < 64 * KIB) {
		if (p->frame_at == p->nframe)
			cut_frames(in);
		if (p->nframe)
			p->frame_at += sensor_frames(p->sensor, p->frame + p->frame_at,
						     p->nframe - p->frame_at);
		else
			p->ended = sensor_finish(p->sensor);
	}
}

int packet_open(const char *path, const struct sensor_conf *conf, struct packet_in **ret_in,
		struct diag *d)
{
	struct packet_in *in = calloc(1, sizeof(*in));
	int64_t n = 0;
	int r;

	if (!in)
		return diag_set(d, -ENOMEM, "%s: out of memory", path);
	r = file_open(path, NULL, &in->file, d);
	if (r < 0) {
		packet_close(in);
		return r;
	}
	n = file_read(in->file, in->head, HEAD_BYTES);
	in->nhead = n > 0 ? (size_t)n : 0;
	if (!capture_sniff(str_n(in->head, in->nhead))) {
		*ret_in = in;
		return 0;
	}
	in->p = calloc(1, sizeof(*in->p));
	if (in->p)
		in->p->buf = malloc(BUFFER_BYTES);
	if (!in->p || !in->p->buf || sensor_new(conf, &in->p->sensor) < 0) {
		packet_close(in);
		return diag_set(d, -ENOMEM, "%s: out of memory", path);
	}
	in->p->filter = conf ? conf->filter : NULL;
	memcpy(in->p->buf, in->head, in->nhead);
	in->p->len = in->nhead;
	cut_frames(in);
	if (!in->p->any) {
		packet_close(in);
		return diag_set(d, E_FORMAT, "%s: %s", path,
				conf && conf->filter ? "no packet fits the filter"
						     : "capture without packets");
	}
	*ret_in = in;
	return 0;
}

int64_t packet_read(struct packet_in *in, char *buf, size_t n)
{
	struct packets *p = in->p;
	struct rec *out;
	size_t k;

	if (!p) {
		k = MIN(n, in->nhead - in->head_at);
		if (!k)
			return file_read(in->file, buf, n);
		memcpy(buf, in->head + in->head_at, k);
		in->head_at += k;
		return (int64_t)k;
	}
	work(in);
	out = sensor_out(p->sensor);
	k = MIN(n, out->len - p->out_at);
	if (!k)
		return p->err;
	memcpy(buf, out->p + p->out_at, k);
	p->out_at += k;
	return (int64_t)k;
}

bool packet_more(struct packet_in *in)
{
	return !in->p && file_more(in->file);
}

int packet_fd(const struct packet_in *in)
{
	return file_fd(in->file);
}

uint64_t packet_taken(const struct packet_in *in)
{
	return file_taken(in->file);
}

bool packet_is_capture(const struct packet_in *in, int64_t *ret_first)
{
	if (!in->p)
		return false;
	*ret_first = in->p->first;
	return true;
}

bool packet_stats(const struct packet_in *in, struct input_stats *ret_stats)
{
	if (!in->p)
		return false;
	sensor_stats(in->p->sensor, &ret_stats->s);
	ret_stats->lost = in->p->cap.lost;
	return true;
}
