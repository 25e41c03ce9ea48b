/* SPDX-License-Identifier: Apache-2.0 */
/* Two views at once. */
#include "config.h"

#include "src/line/view.h"

static void on_both(void *user, const struct line_event *event)
{
    struct line_view *const *views = ((struct line_both_views *)user)->views;
    for (size_t i = 0; i < 2; i++) {
        if (views[i]->event != NULL)
            views[i]->event(views[i]->user, event);
    }
}

struct line_view line_both_view(struct line_both_views *both)
{
    return (struct line_view){on_both, both};
}
