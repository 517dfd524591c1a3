/* An account_event under another account: the frame and all fields behind the first one, which is
 * the account, stay byte for byte what they are.
 *
 * value: framed; decoded before, so its form is certain. out has room for value.len + account.len +
 * READDRESS_ROOM. Returns the new length. */
#ifndef CONSUMERS_READDRESS_H
#define CONSUMERS_READDRESS_H

#include "base/bytes.h"

enum { READDRESS_ROOM = 10 };

size_t readdress(struct bytes value, struct bytes account, uint8_t *out);

#endif
