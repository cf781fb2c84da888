/* SPDX-License-Identifier: Apache-2.0 */
#include "event/ip.h"
#include <arpa/inet.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* By hand, since it runs several times an event. Leading zeros are refused as inet_pton does.
 */
static bool parse_v4(struct str s, uint8_t out[4])
{
	size_t i = 0;

	if (s.len < 7 || s.len > 15)
		return false;
	for (int part = 0; part < 4; part++) {
		size_t from = i;
		unsigned v = 0;

		for (; i < s.len && s.p[i] >= '0' && s.p[i] <= '9' && i - from < 3; i++)
			v = v * 10 + (unsigned)(s.p[i] - '0');
		if (i == from || v > 255 || (i - from > 1 && s.p[from] == '0'))
			return false;
		out[part] = (uint8_t)v;
		if (part < 3 && (i >= s.len || s.p[i++] != '.'))
			return false;
	}
	return i == s.len;
}

bool ip_parse(struct str s, struct ip *ret_ip)
{
	char z[INET6_ADDRSTRLEN + 1];
	struct ip ip;

	memcpy(ip.b, mapped, sizeof(mapped));
	if (parse_v4(s, ip.b + 12)) {
		*ret_ip = ip;
		return true;
	}
	if (s.len > 2 && s.p[0] == '[' && s.p[s.len - 1] == ']')
		s = str_sub(s, 1, s.len - 1);
	s = str_sub(s, 0, str_chr(s, '%', 0)); /* the zone names a local interface only */
	if (s.len < 2 || s.len >= sizeof(z) || str_chr(s, ':', 0) == SIZE_MAX)
		return false;
	memcpy(z, s.p, s.len);
	z[s.len] = 0;
	if (strlen(z) != s.len || inet_pton(AF_INET6, z, ip.b) != 1)
		return false;
	*ret_ip = ip;
	return true;
}

bool ip_is_v4(const struct ip *ip)
{
	return memcmp(ip->b, mapped, sizeof(mapped)) == 0;
}

struct str ip_text(const struct ip *ip, char out[IP_TEXT])
{
	bool v4 = ip_is_v4(ip);

	if (!inet_ntop(v4 ? AF_INET : AF_INET6, ip->b + (v4 ? 12 : 0), out, IP_TEXT))
		out[0] = 0;
	return str_of(out);
}

struct str ip_network(const struct ip *ip, struct arena *mem)
{
	const uint8_t *b = ip->b;

	if (ip_is_v4(ip))
		return arena_fmt(mem, "%u.%u.0.0/16", b[12], b[13]);
	return arena_fmt(mem, "%x:%x::/32", (unsigned)(b[0] << 8 | b[1]),
			 (unsigned)(b[2] << 8 | b[3]));
}

bool ip_private(const struct ip *ip)
{
	static const uint8_t loopback[16] = {[15] = 1};
	const uint8_t *b = ip->b;

	if (!ip_is_v4(ip))
		return (b[0] & 0xfe) == 0xfc || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80) ||
		       memcmp(b, loopback, sizeof(loopback)) == 0;
	b += 12;
	return b[0] == 10 || b[0] == 127 || (b[0] == 172 && (b[1] & 0xf0) == 16) ||
	       (b[0] == 192 && b[1] == 168) || (b[0] == 169 && b[1] == 254) ||
	       (b[0] == 100 && (b[1] & 0xc0) == 64);
}

bool ip_nobody(const struct ip *ip)
{
	static const uint8_t none[16];
	const uint8_t *b = ip->b;

	if (!ip_is_v4(ip))
		return b[0] == 0xff || memcmp(b, none, sizeof(none)) == 0;
	b += 12;
	return b[0] == 0 || (b[0] & 0xf0) == 0xe0 || (b[0] & b[1] & b[2] & b[3]) == 0xff;
}

bool cidr_parse(struct str s, struct cidr *ret_c)
{
	struct str bits, addr = str_cut(s, '/', &bits);
	struct cidr c = {.bits = 128};
	int64_t n;

	if (!ip_parse(addr, &c.ip))
		return false;
	if (bits.p) {
		int64_t base = ip_is_v4(&c.ip) && str_chr(addr, ':', 0) == SIZE_MAX ? 96 : 0;

		if (!str_i64(bits, &n) || n < 0 || n + base > 128)
			return false;
		c.bits = (uint8_t)(n + base);
	}
	*ret_c = c;
	return true;
}

bool cidr_has(const struct cidr *c, const struct ip *ip)
{
	size_t whole = c->bits / 8u;
	unsigned rest = c->bits % 8u;

	if (memcmp(c->ip.b, ip->b, whole) != 0)
		return false;
	return rest == 0 || ((c->ip.b[whole] ^ ip->b[whole]) & (0xff00u >> rest) & 0xff) == 0;
}
