/* SPDX-License-Identifier: Apache-2.0 */
#include "main/rephrase.h"
#include "incident/rephrase.h"
#include "main/config.h"
#include "output/chat.h"
#include <errno.h>
#include <stdio.h>

/* Names are known to the store under all their names; when it cannot tell, it is one. */
static bool known(struct str word, void *arg)
{
	struct diag d;

	return store_known(arg, word, &d) != 0;
}

static const char *text_of(struct config *c, struct str s)
{
	return s.len ? arena_strz(&c->mem, s) : NULL;
}

static int ask(struct config *c, struct store *st, struct str line, struct buf *out,
	       struct diag *d)
{
	struct chat_conf chat = {.url = text_of(c, c->rephrase_url),
				 .token_file = text_of(c, c->rephrase_token_file),
				 .ca = text_of(c, c->rephrase_ca)};
	struct rephrase_conf conf = {
		.model = text_of(c, c->rephrase_model), .known = known, .arg = st};
	struct rephrase_result x;
	struct rephrase *r = NULL;
	struct buf body, answer;
	int err;

	if (!chat.url || !conf.model)
		return diag_set(d, -EINVAL,
				"--rephrase wants rephrase_url and rephrase_model in the "
				"configuration");
	err = rephrase_new(line, &conf, &r);
	if (err == E_NOTFOUND)
		return diag_set(d, err, "no story was written of this incident yet");
	if (err < 0)
		return err;
	buf_init(&body, MIB);
	buf_init(&answer, 512 * KIB);
	err = rephrase_request(r, &body);
	if (err == 0)
		err = chat_ask(&chat, buf_str(&body), &answer, d);
	if (err == 0)
		err = rephrase_take(r, buf_str(&answer), out, &x);
	if (err == 0)
		fprintf(stderr, "%zu of %zu sentences in other words%s%s\n", x.taken,
			x.taken + x.left, x.reason ? "; the others stay: " : "",
			x.reason ? x.reason : "");
	buf_free(&body);
	buf_free(&answer);
	rephrase_free(r);
	return err;
}

int rephrase_line(const char *config, struct store *st, struct str line, struct buf *out,
		  struct diag *d)
{
	struct config c;
	int err;

	err = config_init(&c);
	if (err < 0)
		return err;
	err = config ? config_load(&c, config, d) : 0;
	if (err == 0)
		err = ask(&c, st, line, out, d);
	config_free(&c);
	return err;
}
