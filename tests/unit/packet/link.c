/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a packet may be wrapped in, and the files it may come in: however it comes, the same
 * connection is told of.
 */
#include "frames.h"
#include "packet/input.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define MAC "\2\0\0\0\0\2\2\0\0\0\0\1"

/* A datagram of five bytes from 10.0.0.1:4000 to 10.0.0.2:5000. */
static void inner(struct wire *w)
{
	udp(w, 1, 2, 4000, 5000, "hello", 5);
}

#define INNER 33 /* its bytes */

static void raw(struct wire *w)
{
	inner(w);
}

static void plain(struct wire *w)
{
	eth(w, 0x0800);
	inner(w);
}

static void qinq(struct wire *w)
{
	eth(w, 0x88a8);
	w32(w, 0x00648100);
	w32(w, 0x00c80800);
	inner(w);
}

static void mpls(struct wire *w)
{
	eth(w, 0x8847);
	w32(w, 0x00010040);
	w32(w, 0x00020140); /* the last label */
	inner(w);
}

/* Ethernet over MPLS, with the control word. */
static void pseudowire(struct wire *w)
{
	eth(w, 0x8847);
	w32(w, 0x00020140);
	w32(w, 0);
	plain(w);
}

static void pppoe(struct wire *w)
{
	eth(w, 0x8864);
	w16(w, 0x1100);
	w16(w, 7);
	w16(w, INNER + 2);
	w16(w, 0x0021);
	inner(w);
}

static void llc(struct wire *w)
{
	eth(w, INNER + 8);
	wbytes(w, "\xaa\xaa\3\0\0\0\x08\0", 8);
	inner(w);
}

static void cooked1(struct wire *w)
{
	wbytes(w, "\0\0\0\1\0\6\2\0\0\0\0\1\0\0\x08\0", 16);
	inner(w);
}

static void cooked2(struct wire *w)
{
	wbytes(w, "\x08\0\0\0\0\0\0\1\0\1\0\6\2\0\0\0\0\1\0\0", 20);
	inner(w);
}

static void loopback(struct wire *w)
{
	w32(w, 0x02000000);
	inner(w);
}

static void gre(struct wire *w)
{
	eth(w, 0x0800);
	ip4(w, 101, 102, 47, 8 + INNER, 9, 0);
	w32(w, 0x20000800); /* with a key */
	w32(w, 77);
	inner(w);
}

static void ip_in_ip(struct wire *w)
{
	eth(w, 0x0800);
	ip4(w, 101, 102, 4, INNER, 9, 0);
	inner(w);
}

static void erspan1(struct wire *w)
{
	eth(w, 0x0800);
	ip4(w, 101, 102, 47, 4 + 14 + INNER, 9, 0);
	w32(w, 0x000088be);
	plain(w);
}

static void erspan2(struct wire *w)
{
	eth(w, 0x0800);
	ip4(w, 101, 102, 47, 8 + 8 + 14 + INNER, 9, 0);
	w32(w, 0x100088be);
	w32(w, 1); /* number */
	w32(w, 0x10010001);
	w32(w, 0);
	plain(w);
}

/* With the platform's sub-header behind the header. */
static void erspan3(struct wire *w)
{
	eth(w, 0x0800);
	ip4(w, 101, 102, 47, 8 + 20 + 14 + INNER, 9, 0);
	w32(w, 0x100022eb);
	w32(w, 1);
	w32(w, 0x20010001);
	w32(w, 0x12345678);
	w32(w, 0x00000001);
	w32(w, 0);
	w32(w, 0);
	plain(w);
}

static void over_udp(struct wire *w, unsigned port, unsigned n)
{
	eth(w, 0x0800);
	ip4(w, 101, 102, 17, 8 + n, 9, 0);
	w16(w, 50000);
	w16(w, port);
	w16(w, 8 + n);
	w16(w, 0);
}

static void vxlan(struct wire *w)
{
	over_udp(w, 4789, 8 + 14 + INNER);
	w32(w, 0x08000000);
	w32(w, 42 << 8);
	plain(w);
}

/* With an option of four bytes. */
static void geneve(struct wire *w)
{
	over_udp(w, 6081, 16 + 14 + INNER);
	w32(w, 0x02006558);
	w32(w, 42 << 8);
	w32(w, 0x01020301);
	w32(w, 5);
	plain(w);
}

static void gtp(struct wire *w)
{
	over_udp(w, 2152, 8 + INNER);
	w32(w, 0x30ff0000 + INNER);
	w32(w, 99);
	inner(w);
}

/* Several at once, as a cloud mirrors a provider's network. */
static void nested(struct wire *w)
{
	over_udp(w, 4789, 8 + 14 + 8 + 8 + 2 + INNER);
	w32(w, 0x08000000);
	w32(w, 42 << 8);
	wbytes(w, MAC, 12);
	w32(w, 0x81000064);
	w16(w, 0x8864);
	w16(w, 0x1100);
	w16(w, 7);
	w16(w, INNER + 2);
	w16(w, 0x0021);
	inner(w);
}

static const struct {
	const char *name;
	void (*make)(struct wire *w);
	uint16_t link;
	bool tunnel;
} ways[] = {
	{"raw", raw, 101, false},
	{"ethernet", plain, 1, false},
	{"QinQ", qinq, 1, false},
	{"MPLS", mpls, 1, false},
	{"pseudowire", pseudowire, 1, false},
	{"PPPoE", pppoe, 1, false},
	{"LLC", llc, 1, false},
	{"cooked", cooked1, 113, false},
	{"cooked 2", cooked2, 276, false},
	{"loopback", loopback, 0, false},
	{"GRE", gre, 1, true},
	{"IP in IP", ip_in_ip, 1, true},
	{"ERSPAN 1", erspan1, 1, true},
	{"ERSPAN 2", erspan2, 1, true},
	{"ERSPAN 3", erspan3, 1, true},
	{"VXLAN", vxlan, 1, true},
	{"GENEVE", geneve, 1, true},
	{"GTP-U", gtp, 1, true},
	{"nested", nested, 1, true},
};

#define SAID                                                                                  \
	"\"id.orig_h\":\"10.0.0.1\",\"id.orig_p\":4000,\"id.resp_h\":\"10.0.0.2\",\"id.resp_" \
	"p\":"                                                                                \
	"5000,\"proto\":\"udp\",\"orig_bytes\":5"

static struct sensor *fresh(void)
{
	struct sensor *s = NULL;

	CHECK(sensor_new(NULL, &s) == 0);
	return s;
}

TEST(wrapped)
{
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		struct sensor *s = fresh();
		struct wire w = {.n = 0};
		struct frame f = {.ts = NS_PER_S, .link = ways[i].link};
		char *t;

		ways[i].make(&w);
		f.p = w.p;
		f.len = f.wire = (uint32_t)w.n;
		CHECK_INT(sensor_frames(s, &f, 1), 1);
		t = records(s, true);
		if (!strstr(t, SAID) || !!strstr(t, "\"_path\":\"tunnel\"") != ways[i].tunnel)
			printf("# %s: %s\n", ways[i].name, t);
		HAS(t, SAID);
		CHECK(!!strstr(t, "\"_path\":\"tunnel\"") == ways[i].tunnel);
		sensor_free(s);
	}
}

/* Cut off at any byte they are refused, or give what fits; never read beyond (sanitizers). */
TEST(wrapped_and_cut)
{
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		struct wire w = {.n = 0};

		ways[i].make(&w);
		for (size_t n = 0; n < w.n; n++) {
			struct sensor *s = fresh();
			uint8_t *copy = malloc(n + 1);
			struct frame f = {.ts = NS_PER_S,
					  .p = copy + 1,
					  .len = (uint32_t)n,
					  .wire = (uint32_t)w.n,
					  .link = ways[i].link};

			memcpy(copy + 1, w.p, n);
			CHECK_INT(sensor_frames(s, &f, 1), 1);
			CHECK(count(records(s, true), "\"_path\":\"conn\"") <= 2);
			sensor_free(s);
			free(copy);
		}
	}
}

TEST(sctp)
{
	struct sensor *s = fresh();
	struct wire w = {.n = 0};
	char *t;

	eth(&w, 0x0800);
	ip4(&w, 1, 2, 132, 12 + 20, 9, 0);
	w16(&w, 4000);
	w16(&w, 2905);
	w32(&w, 0);
	w32(&w, 0);
	wbytes(&w,
	       "\1\0\0\x14"
	       "0123456789abcdef",
	       20); /* INIT */
	give(s, 0, &w);
	t = records(s, true);
	HAS(t, "\"id.orig_p\":4000,\"id.resp_h\":\"10.0.0.2\",\"id.resp_p\":2905,\"proto\":"
	       "\"sctp\"");
	HAS(t, "\"orig_bytes\":20");
	sensor_free(s);
}

/* A file of any kind, written by hand. */
struct out {
	uint8_t p[4096];
	size_t n;
	bool big; /* most significant byte first */
};

static void o32(struct out *o, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		o->p[o->n++] = (uint8_t)(v >> 8 * (o->big ? 3 - i : i));
}

static void o16(struct out *o, unsigned v)
{
	o->p[o->n++] = (uint8_t)(v >> (o->big ? 8 : 0));
	o->p[o->n++] = (uint8_t)(v >> (o->big ? 0 : 8));
}

static void obytes(struct out *o, const void *p, size_t n)
{
	memcpy(o->p + o->n, p, n);
	o->n += n;
	while (o->n % 4)
		o->p[o->n++] = 0;
}

static void pcap(struct out *o, bool nano, unsigned frames)
{
	o32(o, nano ? 0xa1b23c4d : 0xa1b2c3d4);
	o16(o, 2);
	o16(o, 4);
	o32(o, 0);
	o32(o, 0);
	o32(o, 65535);
	o32(o, 1);
	for (unsigned i = 0; i < frames; i++) {
		struct wire w = {.n = 0};

		plain(&w);
		o32(o, 1700000000);
		o32(o, nano ? 500000007 : 500000);
		o32(o, (uint32_t)w.n);
		o32(o, (uint32_t)w.n);
		memcpy(o->p + o->n, w.p, w.n);
		o->n += w.n;
	}
}

static void section(struct out *o)
{
	o32(o, 0x0a0d0d0a);
	o32(o, 28);
	o32(o, 0x1a2b3c4d);
	o16(o, 1);
	o16(o, 0);
	o32(o, 0xffffffff);
	o32(o, 0xffffffff);
	o32(o, 28);
}

/* resol: of the clock, as if_tsresol has it; 0xff: not said. */
static void interface(struct out *o, unsigned link, unsigned resol)
{
	uint32_t len = resol == 0xff ? 20 : 32;

	o32(o, 1);
	o32(o, len);
	o16(o, link);
	o16(o, 0);
	o32(o, 0);
	if (resol != 0xff) {
		o16(o, 9);
		o16(o, 1);
		obytes(o, &(uint8_t){(uint8_t)resol}, 1);
		o32(o, 0); /* the end of options */
	}
	o32(o, len);
}

static void packet(struct out *o, uint32_t id, uint64_t t, const struct wire *w)
{
	uint32_t len = 32 + (((uint32_t)w->n + 3) & ~3U);

	o32(o, 6);
	o32(o, len);
	o32(o, id);
	o32(o, (uint32_t)(t >> 32));
	o32(o, (uint32_t)t);
	o32(o, (uint32_t)w->n);
	o32(o, (uint32_t)w->n);
	obytes(o, w->p, w->n);
	o32(o, len);
}

/* A section with three interfaces, each with its own kind of frame and of clock. */
static void pcapng(struct out *o)
{
	struct wire e = {.n = 0}, r = {.n = 0}, c = {.n = 0};

	plain(&e);
	raw(&r);
	cooked1(&c);
	section(o);
	interface(o, 1, 0xff);
	interface(o, 101, 9);
	interface(o, 113, 0x8a); /* 1024 a second */
	packet(o, 0, UINT64_C(1700000000500000), &e);
	packet(o, 1, UINT64_C(1700000000600000000), &r);
	packet(o, 2, UINT64_C(1700000000) * 1024 + 768, &c);
}

/* Records of a file with these bytes. */
static char *read_file(const void *p, size_t n, struct input_stats *st)
{
	static char text[1 << 16];
	char path[] = "/tmp/thymus-link-XXXXXX";
	int fd = mkstemp(path);
	struct packet_in *in = NULL;
	struct diag d = {{0}};
	size_t at = 0;
	int64_t r = -1;

	*st = (struct input_stats){0};
	CHECK(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	close(fd);
	if (packet_open(path, NULL, &in, &d) == 0)
		while ((r = packet_read(in, text + at, sizeof(text) - 1 - at)) > 0)
			at += (size_t)r;
	text[at] = 0;
	if (in)
		packet_stats(in, st);
	CHECK_INT(r, 0);
	packet_close(in);
	unlink(path);
	return text;
}

TEST(pcap_orders)
{
	for (unsigned i = 0; i < 4; i++) {
		struct out o = {.big = i & 1};
		struct input_stats st;
		char *t;

		pcap(&o, i & 2, 2);
		t = read_file(o.p, o.n, &st);
		CHECK_INT(st.s.frames, 2);
		HAS(t, i & 2 ? "\"ts\":1700000000.500000007" : "\"ts\":1700000000.500000,");
	}
}

TEST(pcapng_interfaces)
{
	for (unsigned i = 0; i < 2; i++) {
		struct out o = {.big = i};
		struct input_stats st;
		char *t;

		pcapng(&o);
		o.big = !i; /* a second section in the other order */
		pcapng(&o);
		t = read_file(o.p, o.n, &st);
		CHECK_INT(st.s.frames, 6);
		CHECK_INT(st.lost, 0);
		HAS(t, "\"ts\":1700000000.500000");
		HAS(t, "\"orig_pkts\":6,");
		HAS(t, "\"duration\":0.25");
	}
}

/* What a killed writer leaves: all whole frames are read, the rest is counted. */
TEST(torn)
{
	struct out o = {.n = 0}, g = {.n = 0};
	struct input_stats st;

	pcap(&o, false, 3);
	read_file(o.p, o.n - 5, &st);
	CHECK_INT(st.s.frames, 2);
	CHECK_INT(st.lost, 16 + 14 + INNER - 5);
	pcapng(&g);
	read_file(g.p, g.n - 5, &st);
	CHECK_INT(st.s.frames, 2);
	CHECK(st.lost > 0);
}

TEST(compressed)
{
	struct out o = {.n = 0};
	static uint8_t z[8192];
	struct input_stats st;
	z_stream s = {0};
	size_t n;

	pcapng(&o);
	CHECK_INT(deflateInit2(&s, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	s.next_in = o.p;
	s.avail_in = (uInt)o.n;
	s.next_out = z;
	s.avail_out = sizeof(z);
	CHECK_INT(deflate(&s, Z_FINISH), Z_STREAM_END);
	HAS(read_file(z, s.total_out, &st), "\"orig_pkts\":3,");
	deflateEnd(&s);
	n = ZSTD_compress(z, sizeof(z), o.p, o.n, 3);
	CHECK(!ZSTD_isError(n));
	HAS(read_file(z, n, &st), "\"orig_pkts\":3,");
}

TAP_MAIN
