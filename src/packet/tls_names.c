/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/tls.h"
#include <stdio.h>

struct name {
	uint16_t v;
	const char *text;
};

static const char *look_up(const struct name *n, size_t count, uint16_t v)
{
	for (size_t i = 0; i < count; i++)
		if (n[i].v == v)
			return n[i].text;
	return NULL;
}

const char *tls_version_text(uint16_t v, char tmp[24])
{
	static const struct name names[] = {{0x0002, "SSLv2"},	 {0x0300, "SSLv3"},
					    {0x0301, "TLSv10"},	 {0x0302, "TLSv11"},
					    {0x0303, "TLSv12"},	 {0x0304, "TLSv13"},
					    {0xfeff, "DTLSv10"}, {0xfefd, "DTLSv12"},
					    {0xfefc, "DTLSv13"}};
	const char *t = look_up(names, ARRAY_LEN(names), v);

	if (t)
		return t;
	if (v >> 8 == 0x7f) /* drafts of 1.3 */
		snprintf(tmp, 24, "TLSv13-draft%u", v & 255U);
	else
		snprintf(tmp, 24, "unknown-%u", v);
	return tmp;
}

const char *tls_cipher_text(uint16_t v, char tmp[24])
{
	static const struct name names[] = {
		{0x0001, "TLS_RSA_WITH_NULL_MD5"},
		{0x0002, "TLS_RSA_WITH_NULL_SHA"},
		{0x0003, "TLS_RSA_EXPORT_WITH_RC4_40_MD5"},
		{0x0004, "TLS_RSA_WITH_RC4_128_MD5"},
		{0x0005, "TLS_RSA_WITH_RC4_128_SHA"},
		{0x0008, "TLS_RSA_EXPORT_WITH_DES40_CBC_SHA"},
		{0x0009, "TLS_RSA_WITH_DES_CBC_SHA"},
		{0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"},
		{0x0013, "TLS_DHE_DSS_WITH_3DES_EDE_CBC_SHA"},
		{0x0015, "TLS_DHE_RSA_WITH_DES_CBC_SHA"},
		{0x0016, "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA"},
		{0x0018, "TLS_DH_ANON_WITH_RC4_128_MD5"},
		{0x001b, "TLS_DH_ANON_WITH_3DES_EDE_CBC_SHA"},
		{0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA"},
		{0x0032, "TLS_DHE_DSS_WITH_AES_128_CBC_SHA"},
		{0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"},
		{0x0034, "TLS_DH_ANON_WITH_AES_128_CBC_SHA"},
		{0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA"},
		{0x0038, "TLS_DHE_DSS_WITH_AES_256_CBC_SHA"},
		{0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA"},
		{0x003a, "TLS_DH_ANON_WITH_AES_256_CBC_SHA"},
		{0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256"},
		{0x003d, "TLS_RSA_WITH_AES_256_CBC_SHA256"},
		{0x0041, "TLS_RSA_WITH_CAMELLIA_128_CBC_SHA"},
		{0x0045, "TLS_DHE_RSA_WITH_CAMELLIA_128_CBC_SHA"},
		{0x0067, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256"},
		{0x006b, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256"},
		{0x0084, "TLS_RSA_WITH_CAMELLIA_256_CBC_SHA"},
		{0x0088, "TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA"},
		{0x008c, "TLS_PSK_WITH_AES_128_CBC_SHA"},
		{0x008d, "TLS_PSK_WITH_AES_256_CBC_SHA"},
		{0x0096, "TLS_RSA_WITH_SEED_CBC_SHA"},
		{0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256"},
		{0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384"},
		{0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"},
		{0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"},
		{0x00a2, "TLS_DHE_DSS_WITH_AES_128_GCM_SHA256"},
		{0x00a3, "TLS_DHE_DSS_WITH_AES_256_GCM_SHA384"},
		{0x00a8, "TLS_PSK_WITH_AES_128_GCM_SHA256"},
		{0x00ae, "TLS_PSK_WITH_AES_128_CBC_SHA256"},
		{0x1301, "TLS_AES_128_GCM_SHA256"},
		{0x1302, "TLS_AES_256_GCM_SHA384"},
		{0x1303, "TLS_CHACHA20_POLY1305_SHA256"},
		{0x1304, "TLS_AES_128_CCM_SHA256"},
		{0x1305, "TLS_AES_128_CCM_8_SHA256"},
		{0xc002, "TLS_ECDH_ECDSA_WITH_RC4_128_SHA"},
		{0xc004, "TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA"},
		{0xc007, "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA"},
		{0xc008, "TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA"},
		{0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"},
		{0xc00a, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"},
		{0xc00e, "TLS_ECDH_RSA_WITH_AES_128_CBC_SHA"},
		{0xc011, "TLS_ECDHE_RSA_WITH_RC4_128_SHA"},
		{0xc012, "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA"},
		{0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"},
		{0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"},
		{0xc018, "TLS_ECDH_ANON_WITH_AES_128_CBC_SHA"},
		{0xc019, "TLS_ECDH_ANON_WITH_AES_256_CBC_SHA"},
		{0xc023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"},
		{0xc024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384"},
		{0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"},
		{0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"},
		{0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
		{0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"},
		{0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
		{0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"},
		{0xc035, "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA"},
		{0xc076, "TLS_ECDHE_RSA_WITH_CAMELLIA_128_CBC_SHA256"},
		{0xc09c, "TLS_RSA_WITH_AES_128_CCM"},
		{0xc0a0, "TLS_RSA_WITH_AES_128_CCM_8"},
		{0xc0ac, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM"},
		{0xc0ae, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8"},
		{0xcc13, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256_OLD"},
		{0xcc14, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256_OLD"},
		{0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"},
		{0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"},
		{0xccaa, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256"},
	};
	const char *t = look_up(names, ARRAY_LEN(names), v);

	if (t)
		return t;
	snprintf(tmp, 24, "unknown-%u", v);
	return tmp;
}

const char *tls_curve_text(uint16_t v, char tmp[24])
{
	static const struct name names[] = {{19, "secp192r1"},
					    {21, "secp224r1"},
					    {22, "secp256k1"},
					    {23, "secp256r1"},
					    {24, "secp384r1"},
					    {25, "secp521r1"},
					    {26, "brainpoolP256r1"},
					    {27, "brainpoolP384r1"},
					    {28, "brainpoolP512r1"},
					    {29, "x25519"},
					    {30, "x448"},
					    {256, "ffdhe2048"},
					    {257, "ffdhe3072"},
					    {258, "ffdhe4096"},
					    {0x11ec, "X25519MLKEM768"},
					    {0x6399, "X25519Kyber768Draft00"}};
	const char *t = look_up(names, ARRAY_LEN(names), v);

	if (t)
		return t;
	snprintf(tmp, 24, "unknown-%u", v);
	return tmp;
}

const char *tls_alert_text(uint8_t v, char tmp[24])
{
	static const struct name names[] = {{0, "close_notify"},
					    {10, "unexpected_message"},
					    {20, "bad_record_mac"},
					    {21, "decryption_failed"},
					    {22, "record_overflow"},
					    {40, "handshake_failure"},
					    {41, "no_certificate"},
					    {42, "bad_certificate"},
					    {43, "unsupported_certificate"},
					    {44, "certificate_revoked"},
					    {45, "certificate_expired"},
					    {46, "certificate_unknown"},
					    {47, "illegal_parameter"},
					    {48, "unknown_ca"},
					    {49, "access_denied"},
					    {50, "decode_error"},
					    {51, "decrypt_error"},
					    {70, "protocol_version"},
					    {71, "insufficient_security"},
					    {80, "internal_error"},
					    {86, "inappropriate_fallback"},
					    {90, "user_canceled"},
					    {100, "no_renegotiation"},
					    {109, "missing_extension"},
					    {110, "unsupported_extension"},
					    {112, "unrecognized_name"},
					    {113, "bad_certificate_status_response"},
					    {115, "unknown_psk_identity"},
					    {116, "certificate_required"},
					    {120, "no_application_protocol"}};
	const char *t = look_up(names, ARRAY_LEN(names), v);

	if (t)
		return t;
	snprintf(tmp, 24, "unknown-%u", v);
	return tmp;
}
