/* SPDX-License-Identifier: Apache-2.0 */
#include "event/looks.h"
#include "base/utf8.h"

/* Latin letters by the code points that look like them, in order of the code points. */
static const struct {
	uint16_t cp;
	char as;
} confusables[] = {
	{0xe0, 'a'},   {0xe1, 'a'},   {0xe2, 'a'},   {0xe3, 'a'},   {0xe4, 'a'},
	{0xe5, 'a'},   {0xe7, 'c'},   {0xe8, 'e'},   {0xe9, 'e'},   {0xea, 'e'},
	{0xeb, 'e'},   {0xec, 'i'},   {0xed, 'i'},   {0xee, 'i'},   {0xef, 'i'},
	{0xf1, 'n'},   {0xf2, 'o'},   {0xf3, 'o'},   {0xf4, 'o'},   {0xf5, 'o'},
	{0xf6, 'o'},   {0xf8, 'o'},   {0xf9, 'u'},   {0xfa, 'u'},   {0xfb, 'u'},
	{0xfc, 'u'},   {0xfd, 'y'},   {0xff, 'y'},   {0x101, 'a'},  {0x103, 'a'},
	{0x105, 'a'},  {0x107, 'c'},  {0x10d, 'c'},  {0x10f, 'd'},  {0x111, 'd'},
	{0x113, 'e'},  {0x117, 'e'},  {0x119, 'e'},  {0x11b, 'e'},  {0x11f, 'g'},
	{0x121, 'g'},  {0x127, 'h'},  {0x12b, 'i'},  {0x12f, 'i'},  {0x131, 'i'},
	{0x137, 'k'},  {0x13a, 'l'},  {0x13c, 'l'},  {0x142, 'l'},  {0x144, 'n'},
	{0x146, 'n'},  {0x148, 'n'},  {0x14d, 'o'},  {0x151, 'o'},  {0x155, 'r'},
	{0x159, 'r'},  {0x15b, 's'},  {0x15f, 's'},  {0x161, 's'},  {0x163, 't'},
	{0x165, 't'},  {0x16b, 'u'},  {0x16f, 'u'},  {0x171, 'u'},  {0x175, 'w'},
	{0x177, 'y'},  {0x17a, 'z'},  {0x17c, 'z'},  {0x17e, 'z'},  {0x251, 'a'},
	{0x261, 'g'},  {0x269, 'i'},  {0x28f, 'y'},  {0x3b1, 'a'},  {0x3b3, 'y'},
	{0x3b9, 'i'},  {0x3ba, 'k'},  {0x3bd, 'v'},  {0x3bf, 'o'},  {0x3c1, 'p'},
	{0x3c4, 't'},  {0x3c5, 'u'},  {0x3c7, 'x'},  {0x3f2, 'c'},  {0x3f3, 'j'},
	{0x430, 'a'},  {0x432, 'b'},  {0x433, 'r'},  {0x435, 'e'},  {0x43a, 'k'},
	{0x43c, 'm'},  {0x43d, 'h'},  {0x43e, 'o'},  {0x43f, 'n'},  {0x440, 'p'},
	{0x441, 'c'},  {0x442, 't'},  {0x443, 'y'},  {0x445, 'x'},  {0x455, 's'},
	{0x456, 'i'},  {0x457, 'i'},  {0x458, 'j'},  {0x475, 'v'},  {0x491, 'r'},
	{0x49b, 'k'},  {0x4af, 'y'},  {0x4bb, 'h'},  {0x4bd, 'e'},  {0x4cf, 'l'},
	{0x501, 'd'},  {0x51b, 'q'},  {0x51d, 'w'},  {0x561, 'w'},  {0x570, 'h'},
	{0x578, 'n'},  {0x57d, 'u'},  {0x585, 'o'},  {0x1d0f, 'o'}, {0x1e05, 'b'},
	{0x1e37, 'l'}, {0x1ea1, 'a'}, {0x1eb9, 'e'}, {0x1ecb, 'i'}, {0x1ecd, 'o'},
	{0x1ee5, 'u'},
};

static char latin_of(uint32_t cp)
{
	size_t lo = 0, hi = ARRAY_LEN(confusables);

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (confusables[mid].cp < cp)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < ARRAY_LEN(confusables) && confusables[lo].cp == cp ? confusables[lo].as
								       : '?';
}

static void put(struct looks *l, char c)
{
	char last = l->len ? l->text[l->len - 1] : 0;

	switch (c) {
	case '-':
		return;
	case '0':
		c = 'o';
		break;
	case '1':
	case '|':
		c = 'l';
		break;
	case '3':
		c = 'e';
		break;
	case '5':
		c = 's';
		break;
	default:
		break;
	}
	if ((last == 'r' && c == 'n') || (last == 'v' && c == 'v'))
		l->text[l->len - 1] = c == 'n' ? 'm' : 'w';
	else if (l->len < sizeof(l->text))
		l->text[l->len++] = c;
}

/* RFC 3492, section 6: bias adaptation. */
static uint32_t adapt(uint32_t delta, uint32_t points, bool first)
{
	uint32_t k = 0;

	delta = first ? delta / 700 : delta / 2;
	for (delta += delta / points; delta > 455; k += 36)
		delta /= 35;
	return k + 36 * delta / (delta + 38);
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0' + 26;
	return c >= 'a' && c <= 'z' ? c - 'a' : -1;
}

/* One number of variable length; false when it is none. */
static bool delta_read(struct str s, size_t *at, uint32_t bias, uint64_t *i)
{
	uint64_t w = 1;

	for (uint32_t k = 36;; k += 36) {
		uint32_t t = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
		int d = *at < s.len ? digit_of(lower_c(s.p[*at])) : -1;

		if (d < 0 || w > UINT32_MAX)
			return false;
		++*at;
		*i += (uint64_t)d * w;
		if (*i > UINT32_MAX)
			return false;
		if ((uint32_t)d < t)
			return true;
		w *= 36 - t;
	}
}

/* The code points of what follows "xn--"; their number, 0 when it is no Punycode. */
static size_t punycode(struct str s, uint32_t out[LOOKS_MAX_LEN])
{
	size_t n = 0, at = 0, basic = s.len;
	uint32_t cp = 128, bias = 72;
	uint64_t i = 0;

	while (basic && s.p[basic - 1] != '-')
		basic--;
	for (; n + 1 < basic && n < LOOKS_MAX_LEN; n++)
		out[n] = (uint8_t)lower_c(s.p[n]);
	at = basic;
	while (at < s.len) {
		uint64_t old = i;

		if (n == LOOKS_MAX_LEN || !delta_read(s, &at, bias, &i))
			return 0;
		bias = adapt((uint32_t)(i - old), (uint32_t)n + 1, old == 0);
		if (cp + i / (n + 1) > 0x10ffff)
			return 0;
		cp += (uint32_t)(i / (n + 1));
		i %= n + 1;
		memmove(out + i + 1, out + i, (n - i) * sizeof(*out));
		out[i++] = cp;
		n++;
	}
	return n;
}

static uint32_t utf8_read(struct str s, size_t i, size_t n)
{
	static const uint8_t lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t cp = (uint8_t)s.p[i] & lead[n];

	for (size_t k = 1; k < n; k++)
		cp = cp << 6 | ((uint8_t)s.p[i + k] & 0x3f);
	return cp;
}

struct str looks_label(struct str domain)
{
	size_t dot = str_chr(domain, '.', 0);

	return dot == SIZE_MAX ? (struct str){NULL, 0} : str_sub(domain, 0, dot);
}

void looks_of(struct str domain, struct looks *ret)
{
	struct str s = looks_label(domain);
	uint32_t cp[LOOKS_MAX_LEN];
	size_t n = 0;

	ret->len = 0;
	if (!s.len || s.len >= LOOKS_MAX_LEN || s.p[0] == '[')
		return;
	if (s.len > 4 && str_ieqz(str_sub(s, 0, 4), "xn--")) {
		n = punycode(str_sub(s, 4, s.len), cp);
	} else {
		for (size_t i = 0, k; i < s.len; i += k) {
			k = utf8_len(s, i);
			cp[n++] = k ? utf8_read(s, i, k) : '?';
			k = MAX(k, (size_t)1);
		}
	}
	for (size_t i = 0; i < n; i++)
		put(ret, cp[i] < 128 ? lower_c((char)cp[i]) : latin_of(cp[i]));
}

/* Letters of like shape or sound, or mistyped for each other. */
static bool alike(char a, char b)
{
	static const char pairs[] = "mn uv vw vy il ij lt ft ce co ao eo ae ei gq pq bd bh hn "
				    "sz kc kx gj mw nr ou iy bp dt fv";
	char x = MIN(a, b), y = MAX(a, b);

	for (size_t i = 0; i + 1 < sizeof(pairs); i += 3)
		if (MIN(pairs[i], pairs[i + 1]) == x && MAX(pairs[i], pairs[i + 1]) == y)
			return true;
	return false;
}

unsigned looks_apart(struct str a, struct str b)
{
	size_t i = 0, k = 0;

	if (a.len > b.len) {
		struct str c = a;

		a = b;
		b = c;
	}
	if (b.len - a.len > 1)
		return 2;
	while (i < a.len && a.p[i] == b.p[i])
		i++;
	while (k < a.len - i && a.p[a.len - 1 - k] == b.p[b.len - 1 - k])
		k++;
	if (b.len > a.len)
		return i + k == a.len ? 1 : 2;
	if (i == a.len)
		return 0;
	if (i + k + 1 == a.len)
		return alike(a.p[i], b.p[i]) ? 1 : 2;
	return i + k + 2 == a.len && a.p[i] == b.p[i + 1] && a.p[i + 1] == b.p[i] ? 1 : 2;
}
