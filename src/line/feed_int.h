/* SPDX-License-Identifier: Apache-2.0 */
/* What feeds look at, so that tests have ports and a clock of their own. */
#ifndef SRC_LINE_FEED_INT_H
#define SRC_LINE_FEED_INT_H

#include "src/line/line.h"

/** The world of a feed of ports. Called from the slots' threads. */
struct feed_world {
    /** Is there a board at @p slot now? Its port goes to @p url; *ready: it may be
     * opened. */
    bool (*present)(void *user, const struct line_slot *slot, char *url, size_t size,
                    bool *ready);
    int64_t (*now_ms)(void *user);
    void (*sleep_ms)(void *user, uint32_t ms);
    void *user;
};

enum {
    FEED_APPEAR_MS = 300,  /* a plug that is pushed in makes contact more than once */
    FEED_READY_MS = 2000,  /* udev sets permissions a little after a device appears */
    FEED_VANISH_MS = 1500, /* a chip's own USB port goes away and comes back in a reset */
    FEED_POLL_MS = 50,
};

/** As line_ports_feed_new(), in a world of the caller's. */
enum em_status line_ports_feed_new_in(struct line_ports_feed **out,
                                      struct line_feed *feed,
                                      const struct line_station *station, bool watch,
                                      const struct feed_world *world,
                                      struct em_error *err);

#endif
