/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/capture: frames out of the bytes of a capture file: pcap (micro- and nanoseconds, both
 * byte orders, that of patched libpcap) and pcapng (several sections,
 * interfaces, resolutions).
 */
#ifndef PACKET_CAPTURE_H
#define PACKET_CAPTURE_H
#include "packet/dissect.h"

#define CAPTURE_FRAME_MAX (1U << 20) /* bytes of a frame, and of a block of pcapng */
#define CAPTURE_LINKS_MAX 256	     /* interfaces of a section */

enum capture_result {
	CAPTURE_FRAME, /* *ret_f is the next frame */
	CAPTURE_MORE,  /* there is no whole frame in what is left */
	CAPTURE_BAD,   /* bytes were passed over that are no frame; go on */
};

struct capture_link {
	uint16_t link;
	uint8_t resol; /* of pcapng: if_tsresol */
	int64_t offset_s;
	uint32_t snap;
};

struct capture {
	bool ng, swap, nano, begun;
	uint8_t more; /* bytes of a frame's header beyond the usual 16 */
	struct capture_link link[CAPTURE_LINKS_MAX];
	unsigned nlink;
	bool simple_has_time;
	int64_t last;  /* time of the frame before, for blocks without one */
	uint64_t lost; /* bytes passed over */
};

/* Whether a file that begins so (at least 24 bytes, if it has as many) is a capture. */
bool capture_sniff(struct str head);
/* The next frame of buf from *pos on. Views point into buf. */
enum capture_result capture_next(struct capture *c, struct str buf, size_t *pos,
				 struct frame *ret_f);

#endif
