/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WinRM. It is HTTP, which reads it: it has a place in the registry so that conn records can name
 * it as a service.
 */
#include "packet/proto.h"

const struct proto_ops proto_winrm = {.name = "winrm"};
