/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

static const char *const quantity[] = {
	"name: q\nkind: lookalike\ntext: \"{entity} {seen} {usual}\"\n"
	"entity: email.from\nvalue: email.from_domain\npeers: org\n",
	NULL};
static const char *const wanted[] = {"email.from",    "email.from_domain", "learned.q.likeness",
				     "learned.q.raw", "learned.q.usual",   NULL};

struct told {
	int64_t how; /* -1: nothing */
	char usual[80];
};

static struct told mail(struct world *w, int64_t at, const char *domain)
{
	struct event *e = world_event(w, at);
	struct told t = {-1, ""};
	struct str usual;

	event_set(e, ATTR_MAIL_FROM, val_s(STR("a@b.example")));
	event_set(e, ATTR_MAIL_FROM_DOMAIN, val_s(str_of(domain)));
	world_see(w, e);
	(void)val_int(event_get(e, schema_find(w->s, STR("learned.q.likeness"))), &t.how);
	usual = event_str(e, schema_find(w->s, STR("learned.q.usual")));
	snprintf(t.usual, sizeof(t.usual), "%.*s", STR_ARG(usual));
	return t;
}

/* domain writes on so many days. */
static void known(struct world *w, const char *domain, int days)
{
	for (int d = 0; d < days; d++)
		mail(w, DAY0 + d * NS_PER_D, domain);
}

TEST(what_is_new_and_like_what_is_known)
{
	static const struct {
		const char *domain;
		int64_t how;
	} cases[] = {
		{"hafenw3rk.example", 4},  /* the same to the eye */
		{"hafenverk.example", 3},  /* a letter replaced, */
		{"hafnewerk.example", 3},  /* two swapped, */
		{"hafenwerkk.example", 3}, /* one more, */
		{"hafenwrk.example", 3},   /* one less */
		{"hafen-werk.example", 3},
		{"hafenwerk-login.test", 2}, /* the name between hyphens */
		{"my-hafenwerk.test", 2},
		{"hafenwerk.test", 1},		/* another ending */
		{"hafenwerke-bau.example", -1}, /* only begins so */
		{"afenwerk.example", -1},
		{"hofenverk.example", -1}, /* two letters */
		{"nordlicht.example", -1},
		{"10.0.0.1", -1},
	};
	struct world w;

	world_open(&w, quantity, wanted);
	known(&w, "hafenwerk.example", 3);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct told t = mail(&w, DAY0 + 5 * NS_PER_D, cases[i].domain);

		CHECK_INT(t.how, cases[i].how);
		if (cases[i].how > 0)
			CHECK_STR(str_of(t.usual), "hafenwerk.example");
	}
	CHECK_INT(mail(&w, DAY0 + 5 * NS_PER_D, "hafenwerk.example").how, -1);
	world_close(&w);
}

TEST(known_is_what_was_there_on_three_days)
{
	struct world w;

	world_open(&w, quantity, wanted);
	for (int i = 0; i < 50; i++) /* many messages, but two days */
		known(&w, "hafenwerk.example", 2);
	CHECK_INT(mail(&w, DAY0 + 2 * NS_PER_D, "hafenw3rk.example").how, -1);
	mail(&w, DAY0 + 2 * NS_PER_D, "hafenwerk.example");
	CHECK_INT(mail(&w, DAY0 + 3 * NS_PER_D, "hafenw3rk.example").how, 4);
	/* Both write for days: by then each of them is known. */
	mail(&w, DAY0 + 4 * NS_PER_D, "hafenw3rk.example");
	CHECK_INT(mail(&w, DAY0 + 5 * NS_PER_D, "hafenw3rk.example").how, -1);
	world_close(&w);
}

TEST(short_names_are_like_others_by_chance)
{
	struct world w;

	world_open(&w, quantity, wanted);
	known(&w, "arbor.example", 3);
	known(&w, "dhl.example", 3);
	CHECK_INT(mail(&w, DAY0 + 5 * NS_PER_D, "ardor.example").how, -1);
	CHECK_INT(mail(&w, DAY0 + 5 * NS_PER_D, "arb0r.example").how, 4);
	CHECK_INT(mail(&w, DAY0 + 5 * NS_PER_D, "dh1.example").how, -1);
	world_close(&w);
}

TAP_MAIN
