/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/body: remote calls in what a protocol carries, as JSON-RPC or SOAP: the method called,
 * and whether it is one that only miners call.
 */
#ifndef PACKET_BODY_H
#define PACKET_BODY_H
#include "base/str.h"

#define BODY_BYTES 4096 /* more than these need not be looked at */

/* The method a text calls: of JSON-RPC, or the element in a SOAP body. Without p: none. */
struct str body_method(struct str text);
/* The text of the first element of XML of that local name, or one without p. */
struct str body_element(struct str text, const char *name);
/* The string after "name": in the text, or one without p. Escapes stay as they are. */
struct str body_string(struct str text, const char *name);
/* The n-th (from 0) item of "params":[...] when it is a string, or one without p. */
struct str body_param(struct str text, unsigned n);
/* Whether the text is a call to a mining pool: Stratum of any coin, getwork, getblocktemplate.
 */
bool body_mines(struct str text);

#endif
