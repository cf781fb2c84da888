/* SPDX-License-Identifier: Apache-2.0 */
#include "main/cmd.h"
#include "packet/input.h"
#include <getopt.h>
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
		fprintf(stderr,
			"  %llu connections ended early for want of room, %llu of them "
			"unanswered and told of together\n",
			(unsigned long long)s->evicted, (unsigned long long)s->crowded);
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

static int run(int argc, char **argv)
{
	static const struct option longs[] = {{"quiet", no_argument, NULL, 'q'},
					      {"meter", no_argument, NULL, 'm'},
					      {"flows-max", required_argument, NULL, 'f'},
					      {NULL, 0, NULL, 0}};
	struct sensor_conf conf = {0};
	bool quiet = false;
	int c, bad = 0;
	int64_t v;

	/* argv[-1] is the command's name. */
	argv--;
	argc++;
	optind = 1;
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'q')
			quiet = true;
		else if (c == 'm')
			conf.meter = true;
		else if (c == 'f' && str_i64(str_of(optarg), &v) && v > 0 && v < 100000000)
			conf.flows_max = (uint32_t)v;
		else
			return usage_error(&cmd_packets,
					   "thymus packets: unknown option or bad value");
	}
	if (optind == argc)
		return usage_error(&cmd_packets, "thymus packets: which files?");
	for (; optind < argc; optind++)
		bad |= one(argv[optind], quiet, &conf);
	return bad;
}

const struct command cmd_packets = {
	.name = "packets",
	.run = run,
	.summary = "show the records that the packet sensor makes of captures",
	.usage = "usage: thymus packets [OPTION]... FILE...\n"
		 "\n"
		 "Reads capture files (pcap, pcapng, plain, gzip or zstd) and writes the "
		 "records of\n"
		 "connections and protocols, as Zeek names them, one JSON object a line. The "
		 "same\n"
		 "records are what replay learns from when it is given a capture.\n"
		 "\n"
		 "  --quiet        only the counts\n"
		 "  --meter        only connections: no reassembly, no protocols\n"
		 "  --flows-max N  connections held at once (750000)\n"
		 "\n"
		 "examples:\n"
		 "  thymus packets office.pcapng | grep '\"_path\":\"dns\"'\n"
		 "  thymus packets --quiet *.pcap.gz\n",
};
