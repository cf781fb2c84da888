/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/pfilter: which frames are wanted, in the words of tcpdump (libpcap's compiler). An
 * interface's frames are filtered by the kernel, those of files here.
 */
#ifndef PACKET_PFILTER_H
#define PACKET_PFILTER_H
#include "base/err.h"
#include "packet/dissect.h"

struct bpf_program;
/* For frames of a link type. 0, or -EINVAL with the compiler's reason; pcap_freecode frees. */
MUST int pfilter_compile(const char *text, uint16_t link, struct bpf_program *ret_p,
			 struct diag *d);

/* Compiled once for each link type it meets; those it means nothing for match nothing. */
struct pfilter;
MUST int pfilter_new(const char *text, struct pfilter **ret_f, struct diag *d);
struct pfilter *pfilter_free(struct pfilter *f);
bool pfilter_match(struct pfilter *f, const struct frame *k);

#endif
