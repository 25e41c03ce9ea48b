/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_sim: simulated chips on pseudo-terminals or TCP ports. */
#include "config.h"

#include "flasher/sim/serve_int.h"
#include "src/cli.h"
#include "src/term.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

static const char program[] = "mfg_sim";

enum { COUNT_MAX = 500, NAME_MAX_LEN = 400, BACK_AFTER_MS = 1000 };

/* What the command line asks for. */
struct request {
    struct em_sim_options options;
    struct em_sim_place place;
    unsigned places; /* how many of --tcp, --rfc2217, --link */
    unsigned long long count, back_after_ms;
    bool stats, version;
    struct em_error fault;
};

enum {
    OPT_TCP = 1,
    OPT_RFC2217,
    OPT_LINK,
    OPT_COUNT,
    OPT_BACK_AFTER,
    OPT_STATS,
    OPT_VERSION,
    OPT_CHIP, /* from here on: keys of em_sim_option_set() */
    OPT_FLASH,
    OPT_FLASH_SIZE,
    OPT_FLASH_ID,
    OPT_EFUSE,
    OPT_JOURNAL,
    OPT_MAC,
    OPT_REVISION,
    OPT_CRYSTAL,
    OPT_TIMING,
    OPT_SECURE_DOWNLOAD,
    OPT_FLASH_ENCRYPTION,
    OPT_SECURE_BOOT,
    OPT_FLAT_REFUSALS,
    OPT_STRICT_RATE,
    OPT_USB_PID,
    OPT_SEED,
    OPT_FAULT,
    OPT_APP_OUTPUT,
};

static const struct cli_option options[] = {
    {"chip", NULL, "NAME", "which chip: esp32, esp32c3, …; needed", OPT_CHIP},
    {"tcp", NULL, "PORT", "serve on this TCP port of this machine; 0: any that is free",
     OPT_TCP},
    {"rfc2217", NULL, "PORT", "the same, with modem lines and rate (RFC 2217)",
     OPT_RFC2217},
    {"link", NULL, "PATH", "make a symbolic link to the pseudo-terminal", OPT_LINK},
    {"count", NULL, "N", "so many chips, with numbers behind names and MACs counted up",
     OPT_COUNT},
    {"flash", NULL, "FILE", "content of the flash; made if it is not there", OPT_FLASH},
    {"flash-size", NULL, "SIZE", "size of the flash: 4MB", OPT_FLASH_SIZE},
    {"flash-id", NULL, "ID", "what the flash says it is: 0x1640EF", OPT_FLASH_ID},
    {"efuse", NULL, "FILE", "content of the eFuses; made if it is not there", OPT_EFUSE},
    {"journal", NULL, "FILE", "append a line for every eFuse bit that is set",
     OPT_JOURNAL},
    {"mac", NULL, "MAC", "MAC of a new chip: 60:55:f9:00:00:01", OPT_MAC},
    {"revision", NULL, "REV", "revision of a new chip: 0.4", OPT_REVISION},
    {"crystal", NULL, "MHZ", "its crystal, for chips that have a choice", OPT_CRYSTAL},
    {"timing", NULL, "HOW", "real: as long as wire and flash take; none: at once",
     OPT_TIMING},
    {"seed", NULL, "N", "of faults and of what is made up", OPT_SEED},
    {"fault", NULL, "LIST", "what goes wrong: drop=0.001,garble=0.001", OPT_FAULT},
    {"app-output", NULL, "TEXT",
     "what the program in flash prints when it starts: \"app: ready\\r\\n\"",
     OPT_APP_OUTPUT},
    {"back-after", NULL, "MS",
     "when a cut cable or lost power comes back (1000); 0: never", OPT_BACK_AFTER},
    {"secure-download", NULL, NULL, "in secure download mode", OPT_SECURE_DOWNLOAD},
    {"flash-encryption", NULL, NULL, "with flash encryption on", OPT_FLASH_ENCRYPTION},
    {"secure-boot", NULL, NULL, "with secure boot on", OPT_SECURE_BOOT},
    {"flat-refusals", NULL, NULL, "refuse unknown commands in one frame, under their op",
     OPT_FLAT_REFUSALS},
    {"strict-rate", NULL, NULL,
     "on a pseudo-terminal, too, bytes at another rate than the chip's are garbled",
     OPT_STRICT_RATE},
    {"usb-pid", NULL, "PID", "the port is this USB port of the chip: 0x1001",
     OPT_USB_PID},
    {"stats", NULL, NULL, "print a line of JSON a chip at the end", OPT_STATS},
    {"version", NULL, NULL, "print the version", OPT_VERSION},
    {NULL, NULL, NULL, NULL, 0},
};

static bool take_port(struct request *r, enum em_sim_kind kind, const char *text)
{
    unsigned long long port;
    if (!cli_number(&port, text, UINT16_MAX))
        return false;
    r->place.kind = kind;
    r->place.port = (uint16_t)port;
    r->places++;
    return true;
}

static const char *option_name(int id)
{
    const struct cli_option *o = options;
    while (o->id != id)
        o++;
    return o->name;
}

static const char *on_option(void *user, int id, char *const *values)
{
    struct request *r = user;
    const char *value = values[0] == NULL ? "" : values[0];
    switch (id) {
    case OPT_TCP:
        return take_port(r, EM_SIM_TCP, value) ? NULL : "not a TCP port";
    case OPT_RFC2217:
        return take_port(r, EM_SIM_RFC2217, value) ? NULL : "not a TCP port";
    case OPT_LINK:
        r->place.link = value;
        r->places++;
        return NULL;
    case OPT_COUNT:
        return cli_number(&r->count, value, COUNT_MAX) && r->count > 0
                   ? NULL
                   : "not a number from 1 to 500";
    case OPT_BACK_AFTER:
        return cli_number(&r->back_after_ms, value, 86400000) ? NULL : "not milliseconds";
    case OPT_STATS:
        r->stats = true;
        return NULL;
    case OPT_VERSION:
        r->version = true;
        return NULL;
    default:
        if (em_sim_option_set(&r->options, option_name(id), value, &r->fault) != EM_OK)
            return r->fault.what;
        return NULL;
    }
}

static int control_pipe[2]; /* a signal handler has no other way to reach the loop */

static void on_signal(int number)
{
    int kept = errno;
    const char byte = number == SIGUSR1 ? EM_SIM_POWER_FAILS : '\0';
    ssize_t n = write(control_pipe[1], &byte, 1);
    (void)n; /* when it is full, it can be read */
    errno = kept;
}

static bool catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    return pipe(control_pipe) == 0 && fcntl(control_pipe[1], F_SETFL, O_NONBLOCK) == 0 &&
           sigemptyset(&action.sa_mask) == 0 && sigaction(SIGINT, &action, NULL) == 0 &&
           sigaction(SIGTERM, &action, NULL) == 0 &&
           sigaction(SIGHUP, &action, NULL) == 0 &&
           sigaction(SIGUSR1, &action, NULL) == 0 &&
           sigaction(SIGPIPE, &ignore, NULL) == 0;
}

/* ---- many chips ---- */

/* "NAME" or, of several, "NAME3". */
static const char *numbered(char out[NAME_MAX_LEN], const char *name, size_t i, bool many)
{
    if (name == NULL || !many)
        return name;
    (void)snprintf(out, NAME_MAX_LEN, "%s%zu", name, i);
    return out;
}

static void count_mac(uint8_t mac[6], size_t by)
{
    for (int i = 5; i >= 0 && by > 0; i--) {
        by += mac[i];
        mac[i] = (uint8_t)by;
        by >>= 8;
    }
}

static enum em_status add_chip(struct em_sim_server *server, struct em_sim **out,
                               const struct request *r, size_t i, struct em_error *err)
{
    char flash[NAME_MAX_LEN], efuse[NAME_MAX_LEN], journal[NAME_MAX_LEN];
    char link[NAME_MAX_LEN], where[EM_SIM_WHERE];
    struct em_sim_options o = r->options;
    struct em_sim_place place = r->place;
    bool many = r->count > 1;
    o.flash_file = numbered(flash, o.flash_file, i, many);
    o.efuse_file = numbered(efuse, o.efuse_file, i, many);
    o.journal_file = numbered(journal, o.journal_file, i, many);
    place.link = numbered(link, place.link, i, many);
    o.seed += i;
    if (o.has_mac)
        count_mac(o.mac, i);
    if (place.port != 0)
        place.port = (uint16_t)(place.port + i);
    enum em_status status = em_sim_new(out, &o, err);
    if (status == EM_OK)
        status = em_sim_server_add(server, *out, &place, where, err);
    if (status == EM_OK && (printf("%s %s\n", o.chip, where) < 0 || fflush(stdout) != 0))
        status = em_error_set(err, EM_ERR_IO, NULL, "cannot write to standard output");
    return status;
}

static void print_stats(const struct em_sim *sim, const char *chip, size_t i)
{
    struct em_sim_stats s;
    em_sim_stats(sim, &s);
    (void)fprintf(stderr,
                  "{\"chip\": \"%s\", \"number\": %zu, \"bytes_in\": %" PRIu64
                  ", \"bytes_out\": %" PRIu64 ", \"commands\": %" PRIu64
                  ", \"needed_us\": %" PRId64 ", \"elapsed_us\": %" PRId64
                  ", \"flash_us\": %" PRId64 ", \"faults\": %" PRIu64
                  ", \"erased_sectors\": %" PRIu64 ", \"programmed_bytes\": %" PRIu64
                  ", \"lost_bytes\": %" PRIu64 ", \"changed_bytes\": %" PRIu64
                  ", \"power_cuts\": %" PRIu64 ", \"cut_burns\": %" PRIu64 "}\n",
                  chip, i, s.bytes_in, s.bytes_out, s.commands, s.needed_us, s.elapsed_us,
                  s.flash_us, s.faults, s.erased_sectors, s.programmed_bytes,
                  s.lost_bytes, s.changed_bytes, s.power_cuts, s.cut_burns);
}

static void on_log(void *user, enum em_log_level level, const char *device,
                   const struct em_error *msg)
{
    (void)user, (void)level;
    (void)fprintf(stderr, "%s: %s: %s\n", program, device, msg->what);
}

static enum em_status serve(struct request *r, struct em_error *err)
{
    struct em_sim_server *server = NULL;
    struct em_sim **sims = calloc(r->count, sizeof *sims);
    enum em_status status =
        sims == NULL ? em_error_nomem(err)
                     : em_sim_server_new(&server, (uint32_t)r->back_after_ms, err);
    r->options.hooks.log = on_log;
    if (status == EM_OK && !catch_signals())
        status = em_error_set(err, EM_ERR_IO, NULL, "cannot catch signals");
    for (size_t i = 0; status == EM_OK && i < r->count; i++)
        status = add_chip(server, &sims[i], r, i, err);
    if (status == EM_OK)
        status = em_sim_server_run(server, control_pipe[0], err);
    em_sim_server_free(server);
    for (size_t i = 0; sims != NULL && i < r->count && sims[i] != NULL; i++) {
        enum em_status saved = em_sim_save(sims[i], status == EM_OK ? err : NULL);
        status = status == EM_OK ? saved : status;
        if (r->stats)
            print_stats(sims[i], r->options.chip, i);
        em_sim_free(sims[i]);
    }
    free(sims);
    return status;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct request r = {.count = 1, .back_after_ms = BACK_AFTER_MS};
    const char *positionals[CLI_POSITIONALS_MAX + 1];
    int exit_status = cli_parse(program, command, argc, argv, positionals, on_option, &r);
    if (exit_status != -1)
        return exit_status;
    if (r.version)
        return cli_version(program);
    if (r.options.chip == NULL)
        return cli_fault(program, command, "--chip is missing");
    if (r.places > 1)
        return cli_fault(program, command, "choose one of --tcp, --rfc2217 and --link");
    if (r.place.port != 0 && r.place.port + r.count - 1 > UINT16_MAX)
        return cli_fault(program, command, "there are not so many TCP ports");
    struct em_error err = {.what = ""};
    enum em_status status = serve(&r, &err);
    if (status != EM_OK) {
        struct term term = {.program = program};
        term_fault(&term, &err);
    }
    return em_status_exit(status);
}

static const struct cli_command mfg_sim = {
    .name = "",
    .summary = "Simulates Espressif chips as hosts see them on their serial port",
    .positionals = "",
    .about =
        "Prints where each chip can be reached, one line a chip: a pseudo-terminal,\n"
        "or a URL. Runs until it is stopped by a signal. Manual page: mfg_sim(1)\n",
    .options = options,
    .examples = "  mfg_sim --chip esp32c3 --link c3 --flash c3.bin --efuse c3.json\n"
                "  mfg_sim --chip esp32 --tcp 5000 --count 8 --timing real\n"
                "  mfg_sim --chip esp32s3 --fault garble=0.0001 --seed 7\n",
    .run = run,
};

/* A chip answers to the microsecond; Linux would let each wait last 50 µs longer. */
static void be_punctual(void)
{
#ifdef __linux__
    (void)prctl(PR_SET_TIMERSLACK, 1UL); /* if it fails, chips are a little slower */
#endif
}

int main(int argc, char **argv)
{
    term_guard_streams();
    be_punctual();
    return cli_run(program, &mfg_sim, argc > 0 ? argc - 1 : 0, argv + (argc > 0));
}
