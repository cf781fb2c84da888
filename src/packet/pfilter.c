/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/pfilter.h"
#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>

#define LINK_ETHER   1
#define LINK_RAW     101
#define FILTER_LINKS 8

int pfilter_compile(const char *text, uint16_t link, struct bpf_program *ret_p, struct diag *d)
{
	pcap_t *dead = pcap_open_dead(link == LINK_RAW ? DLT_RAW : link, 262144);
	int r = 0;

	if (!dead)
		return diag_set(d, -ENOMEM, "out of memory");
	if (pcap_compile(dead, ret_p, text, 1, PCAP_NETMASK_UNKNOWN) < 0)
		r = diag_set(d, -EINVAL, "filter \"%s\": %s", text, pcap_geterr(dead));
	pcap_close(dead);
	return r;
}

struct pfilter {
	char *text;
	struct {
		uint16_t link;
		bool ok; /* the text means something for this link type */
		struct bpf_program p;
	} for_link[FILTER_LINKS];
	unsigned n;
};

struct pfilter *pfilter_free(struct pfilter *f)
{
	if (!f)
		return NULL;
	for (unsigned i = 0; i < f->n; i++)
		if (f->for_link[i].ok)
			pcap_freecode(&f->for_link[i].p);
	free(f->text);
	free(f);
	return NULL;
}

int pfilter_new(const char *text, struct pfilter **ret_f, struct diag *d)
{
	struct pfilter *f = calloc(1, sizeof(*f));
	int r;

	if (f)
		f->text = str_dup(str_of(text));
	if (!f || !f->text) {
		pfilter_free(f);
		return diag_set(d, -ENOMEM, "out of memory");
	}
	/* A mistake is told at once, not with the first frame. */
	r = pfilter_compile(text, LINK_ETHER, &f->for_link[0].p, d);
	if (r < 0) {
		pfilter_free(f);
		return r;
	}
	f->for_link[0].link = LINK_ETHER;
	f->for_link[0].ok = true;
	f->n = 1;
	*ret_f = f;
	return 0;
}

bool pfilter_match(struct pfilter *f, const struct frame *k)
{
	struct pcap_pkthdr h = {.caplen = k->len, .len = k->wire};
	struct diag d;
	unsigned i = 0;

	while (i < f->n && f->for_link[i].link != k->link)
		i++;
	if (i == f->n && i < FILTER_LINKS) {
		f->for_link[i].link = k->link;
		f->for_link[i].ok =
			pfilter_compile(f->text, k->link, &f->for_link[i].p, &d) == 0;
		f->n++;
	}
	return i < f->n && f->for_link[i].ok &&
	       pcap_offline_filter(&f->for_link[i].p, &h, k->p) != 0;
}
