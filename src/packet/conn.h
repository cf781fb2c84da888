/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/conn: the record of a connection, when it is over or while it goes on. Private to the
 * sensor.
 */
#ifndef PACKET_CONN_H
#define PACKET_CONN_H
#include "packet/flow.h"

struct str flow_uid(const struct flow *f, char out[20]);
const char *proto_text(uint8_t proto); /* "tcp", as Zeek has it */
/*
 * conn, or open_conn, which leaves the counts to the end: what is added up over records must
 * not be added twice.
 */
void conn_write(struct rec *r, const struct flow *f, int64_t known, bool open);

#endif
