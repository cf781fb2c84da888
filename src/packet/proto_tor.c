/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tor between a client and its first relay. It is TLS, whose reader knows it (packet/handshake):
 * it has a place in the registry so that conn records can name it as a service.
 */
#include "packet/proto.h"

const struct proto_ops proto_tor = {.name = "tor"};
