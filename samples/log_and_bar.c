/* SPDX-License-Identifier: Apache-2.0 */
/* A logger of one's own that writes to a file, and a progress sink as a window has one.
 *
 *     cc log_and_bar.c $(pkg-config --cflags --libs espmfg) -o log_and_bar
 *     ./log_and_bar /dev/ttyUSB0 session.log
 */
#include <espmfg/flash.h>

#include <stdio.h>
#include <string.h>

/* What a window would have: a label, a bar, a button that stops the job. */
struct window {
    char label[64];
    unsigned bar; /* of a hundred */
    unsigned redrawn;
    int stop; /* the button; another thread would set it */
};

struct session {
    FILE *log;
    struct window window;
};

static void on_log(void *user, enum em_log_level level, const char *device,
                   const struct em_error *msg)
{
    static const char *const names[] = {"ERROR", "WARNING", "NOTE",
                                        "INFO",  "DEBUG",   "TRACE"};
    struct session *session = user;
    fprintf(session->log, "%-7s %s: %s\n", names[level], device, msg->what);
    if (msg->hint[0] != '\0')
        fprintf(session->log, "%-7s   try: %s\n", names[level], msg->hint);
}

static void on_stage(void *user, const struct em_stage *stage)
{
    struct session *session = user;
    struct window *window = &session->window;
    fprintf(session->log, "STAGE   %s: %s %s\n", stage->device, stage->name,
            stage->ends ? em_status_name(stage->status) : "begins");
    if (!stage->ends)
        window->bar = 0;
    (void)snprintf(window->label, sizeof window->label, "%s%s", stage->name,
                   stage->ends ? ": done" : " ...");
}

static int on_progress(void *user, const struct em_progress *progress)
{
    struct window *window = &((struct session *)user)->window;
    unsigned bar =
        progress->total == 0 ? 0 : (unsigned)(progress->done * 100 / progress->total);
    if (bar != window->bar)
        window->redrawn++;
    window->bar = bar;
    return window->stop;
}

/* Something that takes a while: the first 256 KiB. */
static enum em_status work(struct em_device *device, struct em_error *err)
{
    static uint8_t data[256 * 1024];
    return em_flash_read_into(device, NULL, 0, sizeof data, data, err);
}

int main(int argc, char **argv)
{
    struct session session = {0};
    struct em_device *device = NULL;
    struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
    struct em_error err = {0};
    if (argc != 3) {
        fprintf(stderr, "usage: log_and_bar PORT LOGFILE\n");
        return em_status_exit(EM_ERR_USAGE);
    }
    session.log = fopen(argv[2], "w");
    if (session.log == NULL) {
        fprintf(stderr, "log_and_bar: cannot write '%s'\n", argv[2]);
        return em_status_exit(EM_ERR_IO);
    }
    options.baud = 921600;
    options.hooks = (struct em_hooks){
        .log = on_log,
        .progress = on_progress,
        .stage = on_stage,
        .user = &session,
        .log_levels = EM_LOG_INFO + 1, /* no debugging */
    };
    enum em_status status = em_device_open(&device, argv[1], &options, &err);
    if (status == EM_OK)
        status = work(device, &err);
    if (status != EM_OK)
        on_log(&session, EM_LOG_ERROR, argv[1], &err); /* the caller's own fault text */
    em_device_close(device);
    printf("window: '%s', bar at %u %%, drawn %s\n", session.window.label,
           session.window.bar, session.window.redrawn > 0 ? "often" : "never");
    if (fclose(session.log) != 0 && status == EM_OK)
        status = EM_ERR_IO;
    return em_status_exit(status);
}
