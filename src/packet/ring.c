/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/ring.h"
#include "packet/pfilter.h"
#include "proc/keeper.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCK_BYTES MIB
#define RETIRE_MS   50 /* a block that is not full is given to us after this */
#define TAG_BYTES   4U /* room before each frame for the VLAN tag that the kernel took out */
#define LINK_ETHER  1
#define LINK_RAW    101

struct ring {
	int fd;
	uint8_t *map;
	size_t map_bytes;
	unsigned nblocks, block; /* block: the one being read, or waited for */
	unsigned left;		 /* frames of it not given out */
	bool holds;		 /* it is ours until the next call */
	uint8_t *at;		 /* next frame's header */
	int index;
	char name[IFNAMSIZ];
	uint16_t link;
	bool loopback;
	struct ring_stats stats;
};

struct ring *ring_close(struct ring *r)
{
	if (!r)
		return NULL;
	if (r->map)
		munmap(r->map, r->map_bytes);
	if (r->fd >= 0)
		close(r->fd);
	free(r);
	return NULL;
}

uint16_t ring_link(const struct ring *r)
{
	return r->link;
}

/* What kind of frames the interface has. */
static int find_link(struct ring *r, struct diag *d)
{
	struct ifreq q = {0};

	snprintf(q.ifr_name, sizeof(q.ifr_name), "%s", r->name);
	if (ioctl(r->fd, SIOCGIFHWADDR, &q) < 0)
		return diag_set(d, -errno, "%s: %s", r->name, strerror(errno));
	switch (q.ifr_hwaddr.sa_family) {
	case ARPHRD_LOOPBACK:
		r->loopback = true;
		r->link = LINK_ETHER;
		return 0;
	case ARPHRD_ETHER:
		r->link = LINK_ETHER;
		return 0;
	case ARPHRD_NONE:
	case ARPHRD_PPP:
	case ARPHRD_TUNNEL:
	case ARPHRD_TUNNEL6:
	case ARPHRD_SIT:
		r->link = LINK_RAW;
		return 0;
	default:
		return diag_set(d, -EOPNOTSUPP, "%s: neither Ethernet nor IP (type %u)",
				r->name, q.ifr_hwaddr.sa_family);
	}
}

static int attach(struct ring *r, const char *text, struct diag *d)
{
	struct bpf_program p;
	struct sock_fprog k;
	int e;

	if (!text || !*text)
		return 0;
	e = pfilter_compile(text, r->link, &p, d);
	if (e < 0)
		return e;
	/* The kernel's instructions are libpcap's. */
	_Static_assert(sizeof(struct bpf_insn) == sizeof(struct sock_filter), "one layout");
	k.len = (unsigned short)p.bf_len;
	k.filter = (struct sock_filter *)p.bf_insns;
	if (setsockopt(r->fd, SOL_SOCKET, SO_ATTACH_FILTER, &k, sizeof(k)) < 0)
		e = diag_set(d, -errno, "%s: filter: %s", r->name, strerror(errno));
	pcap_freecode(&p);
	return e;
}

static int map_ring(struct ring *r, unsigned mib)
{
	struct tpacket_req3 q = {.tp_block_size = BLOCK_BYTES,
				 .tp_block_nr = MAX(mib, 2U),
				 .tp_frame_size = 2048,
				 .tp_retire_blk_tov = RETIRE_MS};
	int version = TPACKET_V3;
	unsigned reserve = TAG_BYTES;

	q.tp_frame_nr = q.tp_block_nr * (q.tp_block_size / q.tp_frame_size);
	if (setsockopt(r->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0 ||
	    setsockopt(r->fd, SOL_PACKET, PACKET_RESERVE, &reserve, sizeof(reserve)) < 0 ||
	    setsockopt(r->fd, SOL_PACKET, PACKET_RX_RING, &q, sizeof(q)) < 0)
		return -errno;
	r->nblocks = q.tp_block_nr;
	r->map_bytes = (size_t)q.tp_block_nr * q.tp_block_size;
	r->map = mmap(NULL, r->map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (r->map == MAP_FAILED) {
		r->map = NULL;
		return -errno;
	}
	return 0;
}

/* From here on frames come. */
static int join(struct ring *r, const struct ring_conf *c)
{
	struct sockaddr_ll a = {.sll_family = AF_PACKET,
				.sll_protocol = htons(ETH_P_ALL),
				.sll_ifindex = r->index};
	struct packet_mreq m = {.mr_ifindex = r->index, .mr_type = PACKET_MR_PROMISC};
	uint32_t fan = c->group | (uint32_t)(PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_DEFRAG) << 16;

	if (bind(r->fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -errno;
	if (c->promiscuous &&
	    setsockopt(r->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof(m)) < 0)
		return -errno;
	if (c->group && setsockopt(r->fd, SOL_PACKET, PACKET_FANOUT, &fan, sizeof(fan)) < 0)
		return -errno;
	return 0;
}

int ring_open(const struct ring_conf *conf, struct ring **ret_r, struct diag *d)
{
	struct ring *r = calloc(1, sizeof(*r));
	int e = 0;

	if (!r)
		return diag_set(d, -ENOMEM, "out of memory");
	/* No protocol yet: nothing comes before filter and ring stand. */
	e = keeper_raw(&r->fd);
	if (e < 0) {
		r->fd = -1;
		diag_set(d, e, "%s: %s%s", conf->interface, strerror(-e),
			 e == -EPERM ? " (capturing needs CAP_NET_RAW)" : "");
		ring_close(r);
		return e;
	}
	r->index = (int)if_nametoindex(conf->interface);
	if (!r->index || strlen(conf->interface) >= sizeof(r->name)) {
		ring_close(r);
		return diag_set(d, -ENODEV, "%s: no such interface", conf->interface);
	}
	snprintf(r->name, sizeof(r->name), "%s", conf->interface);
	e = find_link(r, d);
	if (e == 0)
		e = attach(r, conf->filter, d);
	if (e < 0) {
		ring_close(r);
		return e;
	}
	e = map_ring(r, conf->mib ? conf->mib : RING_MIB);
	e = e < 0 ? e : join(r, conf);
	if (e < 0) {
		ring_close(r);
		return diag_set(d, e, "%s: %s", conf->interface, strerror(-e));
	}
	*ret_r = r;
	return 0;
}

static struct tpacket_block_desc *block_of(const struct ring *r)
{
	return (struct tpacket_block_desc *)(void *)(r->map + (size_t)r->block * BLOCK_BYTES);
}

/* Back to the kernel, once nobody reads its frames any more. */
static void give_back(struct ring *r)
{
	if (!r->holds || r->left)
		return;
	__atomic_store_n(&block_of(r)->hdr.bh1.block_status, TP_STATUS_KERNEL,
			 __ATOMIC_RELEASE);
	r->block = (r->block + 1) % r->nblocks;
	r->holds = false;
}

bool ring_gone(const struct ring *r)
{
	return (int)if_nametoindex(r->name) != r->index;
}

static bool ready(const struct ring *r)
{
	return __atomic_load_n(&block_of(r)->hdr.bh1.block_status, __ATOMIC_ACQUIRE) &
	       TP_STATUS_USER;
}

/* 1 when the next block is ours; 0 not yet; -errno. */
static int await(struct ring *r, int wait_ms)
{
	struct pollfd p = {.fd = r->fd, .events = POLLIN};
	socklen_t len = sizeof(int);
	int e = 0;

	if (!ready(r)) {
		if (poll(&p, 1, wait_ms) < 0 && errno != EINTR)
			return -errno;
		if (p.revents & (POLLERR | POLLNVAL)) {
			if (getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &e, &len) < 0)
				e = errno;
			if (e && !ready(r))
				return ring_gone(r) ? -ENODEV : -e;
		}
		if (!ready(r))
			return 0;
	}
	r->holds = true;
	r->left = block_of(r)->hdr.bh1.num_pkts;
	r->at = (uint8_t *)block_of(r) + block_of(r)->hdr.bh1.offset_to_first_pkt;
	return 1;
}

/* The kernel keeps the outermost VLAN tag beside the frame: put back where it was. */
static void put_tag(const struct tpacket3_hdr *h, struct frame *f)
{
	uint8_t *p = (uint8_t *)(uintptr_t)f->p;
	unsigned tpid = h->tp_status & TP_STATUS_VLAN_TPID_VALID ? h->hv1.tp_vlan_tpid : 0x8100;

	if (f->len < 12 || f->link != LINK_ETHER)
		return;
	memmove(p - TAG_BYTES, p, 12);
	p += 12 - TAG_BYTES;
	p[0] = (uint8_t)(tpid >> 8);
	p[1] = (uint8_t)tpid;
	p[2] = (uint8_t)(h->hv1.tp_vlan_tci >> 8);
	p[3] = (uint8_t)h->hv1.tp_vlan_tci;
	f->p -= TAG_BYTES;
	f->len += TAG_BYTES;
	f->wire += TAG_BYTES;
}

/* false: a copy of what is seen anyway. */
static bool take(const struct ring *r, const struct tpacket3_hdr *h, struct frame *f)
{
	const struct sockaddr_ll *a =
		(const void *)((const uint8_t *)h + TPACKET_ALIGN(sizeof(*h)));

	if (r->loopback && a->sll_pkttype == PACKET_OUTGOING)
		return false;
	*f = (struct frame){.ts = h->tp_sec * NS_PER_S + h->tp_nsec,
			    .p = (const uint8_t *)h + h->tp_mac,
			    .len = h->tp_snaplen,
			    .wire = h->tp_len,
			    .link = r->link};
	if (h->tp_status & TP_STATUS_VLAN_VALID)
		put_tag(h, f);
	return true;
}

int ring_next(struct ring *r, struct frame *f, unsigned max, int wait_ms)
{
	unsigned n = 0;

	give_back(r);
	if (!r->left) {
		int e = await(r, wait_ms);

		if (e <= 0)
			return e;
	}
	for (; n < max && r->left; r->left--) {
		const struct tpacket3_hdr *h = (const void *)r->at;

		r->stats.taken++;
		n += take(r, h, &f[n]);
		r->at += h->tp_next_offset;
	}
	return (int)n;
}

void ring_stats(struct ring *r, struct ring_stats *ret_s)
{
	struct tpacket_stats_v3 s = {0};
	socklen_t len = sizeof(s);

	/* Reading sets them back. */
	if (getsockopt(r->fd, SOL_PACKET, PACKET_STATISTICS, &s, &len) == 0) {
		r->stats.frames += s.tp_packets;
		r->stats.dropped += s.tp_drops;
		r->stats.freezes += s.tp_freeze_q_cnt;
	}
	*ret_s = r->stats;
}
