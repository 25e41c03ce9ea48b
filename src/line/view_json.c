/* SPDX-License-Identifier: Apache-2.0 */
/* A running line as JSON lines. */
#include "config.h"

#include "src/line/view.h"

#include <stdlib.h>
#include <string.h>

static void on_event(void *user, const struct line_event *event)
{
    const struct line_view_options *options = user;
    if (event->kind == LINE_EVENT_END ||
        (event->kind == LINE_EVENT_NOTE && event->level > options->level))
        return;
    json_t *object = line_event_json(options->job, options->station, event);
    char *text = json_dumps(object, JSON_COMPACT);
    if (text != NULL) { /* without memory, the next step of the line fails too */
        options->screen.write(options->screen.user, text, strlen(text));
        options->screen.write(options->screen.user, "\n", 1);
    }
    free(text);
    json_decref(object);
}

struct line_view line_json_view(struct line_view_options *options)
{
    return (struct line_view){on_event, options};
}
