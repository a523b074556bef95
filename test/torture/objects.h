/* SPDX-License-Identifier: MIT */
/* The objects of gdws that a test has made and not freed yet. A test that fails leaves them behind;
 * what they hold is a leak only if it does not go with them. */
#ifndef OBJECTS_H
#define OBJECTS_H

#include <stdbool.h>

/* Whether they can be freed from here: not inside of a poll, beside other threads of the test's,
 * where something of another library must go first, or where values are nobody's. */
bool objects_can_go(void);

/* Free them all. */
void objects_free(void);

#endif
