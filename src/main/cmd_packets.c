/* SPDX-License-Identifier: Apache-2.0 */
#include "main/cmd.h"
#include "packet/carve.h"
#include "packet/input.h"
#include "packet/pfilter.h"
#include "packet/wire.h"
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void tell(const char *path, const struct input_stats *st)
{
	const struct sensor_stats *s = &st->s;

	fprintf(stderr,
		"%s: %llu frames, %llu packets, %llu connections (%u at once), %llu records\n",
		path, (unsigned long long)s->frames, (unsigned long long)s->packets,
		(unsigned long long)s->flows, s->flows_most, (unsigned long long)s->records);
	for (int i = 0; i < DISSECT_RESULTS; i++)
		if (s->refused[i])
			fprintf(stderr, "  %llu frames refused: %s\n",
				(unsigned long long)s->refused[i], dissect_text(i));
	if (s->evicted)
		fprintf(stderr, "  %llu connections ended early for want of room\n",
			(unsigned long long)s->evicted);
	if (s->crowded)
		fprintf(stderr, "  %llu connections told of together\n",
			(unsigned long long)s->crowded);
	if (s->unread)
		fprintf(stderr, "  %llu connections not read for want of room\n",
			(unsigned long long)s->unread);
	if (st->lost)
		fprintf(stderr, "  %llu bytes of the file are no frame\n",
			(unsigned long long)st->lost);
}

static int one(const char *path, bool quiet, const struct sensor_conf *conf)
{
	static char buf[256 * 1024];
	struct packet_in *in = NULL;
	struct input_stats st;
	struct diag d = {{0}};
	int64_t n = packet_open(path, conf, &in, &d), first;

	if (n == 0 && !packet_is_capture(in, &first))
		n = diag_set(&d, E_FORMAT, "%s: not a capture file", path);
	if (n < 0) {
		fprintf(stderr, "%s\n", d.msg);
		packet_close(in);
		return 1;
	}
	while ((n = packet_read(in, buf, sizeof(buf))) > 0)
		if (!quiet)
			fwrite(buf, 1, (size_t)n, stdout);
	if (packet_stats(in, &st))
		tell(path, &st);
	if (n < 0)
		fprintf(stderr, "%s: %s\n", path, err_text((int)n));
	packet_close(in);
	return n < 0;
}

#define INTERFACES_MAX 64
#define CARVE_MAX      (256 * MIB)

struct options {
	struct sensor_conf conf;
	bool quiet, promiscuous;
	const char *filter, *keep, *carve;
	const char *interfaces[INTERFACES_MAX];
	size_t ninterfaces;
	int64_t threads, seconds, ring;
};

static int print(struct str lines, void *arg)
{
	const struct options *o = arg;

	/* One call: lines of several threads do not mix. */
	if (!o->quiet && (fwrite(lines.p, 1, lines.len, stdout) != lines.len || fflush(stdout)))
		return -EIO;
	return 0;
}

static void tell_wire(const struct wire_stats *s)
{
	fprintf(stderr,
		"%s: %llu frames, %llu lost by the kernel, %llu refused, %llu records, %llu "
		"of them lost\n",
		s->name, (unsigned long long)s->frames, (unsigned long long)s->dropped,
		(unsigned long long)s->refused, (unsigned long long)s->records,
		(unsigned long long)s->records_lost);
	if (s->evicted || s->unread || s->downs || s->kept_lost)
		fprintf(stderr,
			"  %llu connections ended early, %llu not read, %llu times down, "
			"%llu frames not kept\n",
			(unsigned long long)s->evicted, (unsigned long long)s->unread,
			(unsigned long long)s->downs, (unsigned long long)s->kept_lost);
}

/* Until a signal, or for so many seconds. */
static int live(struct options *o)
{
	struct wire_conf c = {.interfaces = o->interfaces,
			      .n = o->ninterfaces,
			      .filter = o->filter,
			      .threads = (unsigned)o->threads,
			      .ring_mib = (unsigned)o->ring,
			      .promiscuous = o->promiscuous,
			      .sensor = o->conf,
			      .keep_dir = o->keep,
			      .out = print,
			      .arg = o};
	struct wire_stats s[INTERFACES_MAX];
	struct timespec wait = {o->seconds, 0};
	struct diag d = {{0}};
	struct wire *w = NULL;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL); /* for all threads; waited for here */
	if (wire_start(&c, &w, &d) < 0) {
		fprintf(stderr, "%s\n", d.msg);
		return 1;
	}
	fprintf(stderr, "capturing on %zu interfaces\n", o->ninterfaces);
	if (o->seconds)
		sigtimedwait(&set, NULL, &wait);
	else
		sigwaitinfo(&set, NULL);
	wire_stop(w, s);
	for (size_t i = 0; i < o->ninterfaces; i++)
		tell_wire(&s[i]);
	return 0;
}

static bool number(const char *text, int64_t least, int64_t most, int64_t *ret_v)
{
	return str_i64(str_of(text), ret_v) && *ret_v >= least && *ret_v <= most;
}

static bool take(struct options *o, int c)
{
	int64_t v;

	switch (c) {
	case 'q':
		return o->quiet = true;
	case 'm':
		return o->conf.meter = true;
	case 'a':
		return o->conf.each = true;
	case 'p':
		return o->promiscuous = true;
	case 'e':
		o->filter = optarg;
		return true;
	case 'k':
		o->keep = optarg;
		return true;
	case 'c':
		o->carve = optarg;
		return true;
	case 't':
		return number(optarg, 1, WIRE_THREADS_MAX, &o->threads);
	case 's':
		return number(optarg, 1, 1 << 30, &o->seconds);
	case 'r':
		return number(optarg, 2, 4096, &o->ring);
	case 'i':
		if (o->ninterfaces == INTERFACES_MAX)
			return false;
		o->interfaces[o->ninterfaces++] = optarg;
		return true;
	case 'f':
		if (!number(optarg, 1, 100000000, &v))
			return false;
		o->conf.flows_max = (uint32_t)v;
		return true;
	default:
		return false;
	}
}

static int files(struct options *o, char **paths, int n)
{
	struct diag d;
	int bad = 0;

	if (o->filter && pfilter_new(o->filter, &o->conf.filter, &d) < 0) {
		fprintf(stderr, "%s\n", d.msg);
		return 2;
	}
	for (int i = 0; i < n; i++) {
		struct carve k = {
			.dir = o->carve, .file_max = CARVE_MAX, .total_max = CARVE_MAX};

		o->conf.carve = o->carve ? &k : NULL;
		bad |= one(paths[i], o->quiet, &o->conf);
		if (o->carve)
			fprintf(stderr, "  %u files kept, %llu left out\n", k.nsaved,
				(unsigned long long)k.left_out);
	}
	pfilter_free(o->conf.filter);
	return bad;
}

static int run(int argc, char **argv)
{
	static const struct option longs[] = {{"quiet", no_argument, NULL, 'q'},
					      {"meter", no_argument, NULL, 'm'},
					      {"each", no_argument, NULL, 'a'},
					      {"flows-max", required_argument, NULL, 'f'},
					      {"interface", required_argument, NULL, 'i'},
					      {"filter", required_argument, NULL, 'e'},
					      {"promiscuous", no_argument, NULL, 'p'},
					      {"threads", required_argument, NULL, 't'},
					      {"seconds", required_argument, NULL, 's'},
					      {"ring", required_argument, NULL, 'r'},
					      {"keep", required_argument, NULL, 'k'},
					      {"carve", required_argument, NULL, 'c'},
					      {NULL, 0, NULL, 0}};
	struct options o = {.ninterfaces = 0};
	int c;

	/* argv[-1] is the command's name. */
	argv--;
	argc++;
	optind = 1;
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		if (!take(&o, c))
			return usage_error(&cmd_packets,
					   "thymus packets: unknown option or bad value");
	if (o.ninterfaces && o.carve)
		return usage_error(&cmd_packets, "thymus packets: --carve is for files");
	if (o.ninterfaces)
		return optind < argc ? usage_error(&cmd_packets, "thymus packets: files or "
								 "interfaces, not both")
				     : live(&o);
	if (optind == argc)
		return usage_error(&cmd_packets, "thymus packets: which files?");
	return files(&o, argv + optind, argc - optind);
}

const struct command cmd_packets = {
	.name = "packets",
	.run = run,
	.summary =
		"show the records that the packet sensor makes of captures, or of an interface",
	.usage = "usage: thymus packets [OPTION]... FILE...\n"
		 "       thymus packets [OPTION]... --interface NAME...\n"
		 "\n"
		 "Reads capture files (pcap, pcapng, plain, gzip or zstd), or interfaces until "
		 "SIGINT, and\n"
		 "writes the records of connections and protocols, as Zeek names them, one "
		 "JSON object a line.\n"
		 "The same records are what replay and run learn from.\n"
		 "\n"
		 "  --quiet          only the counts\n"
		 "  --meter          only connections: no reassembly, no protocols\n"
		 "  --each           no crowds: each connection by itself\n"
		 "  --flows-max N    connections held at once (750000)\n"
		 "  --filter EXPR    only these packets, as tcpdump has it: \"not port 22\"\n"
		 "  --interface NAME capture there (may be given again); needs CAP_NET_RAW\n"
		 "  --promiscuous    also what is meant for others\n"
		 "  --threads N      so many for each interface; connections are shared out "
		 "(1)\n"
		 "  --ring MIB       memory shared with the kernel, for each thread (32)\n"
		 "  --seconds N      stop after so long\n"
		 "  --keep DIR       keep the packets of the last minutes there\n"
		 "  --carve DIR      keep whole files that passed by, 16 of a capture, by their "
		 "SHA-256\n"
		 "\n"
		 "examples:\n"
		 "  thymus packets office.pcapng | grep '\"_path\":\"dns\"'\n"
		 "  thymus packets --interface eth1 --promiscuous --filter 'not port 22'\n",
};
