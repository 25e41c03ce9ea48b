/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines: sub-commands and options from tables, with the help that goes with them.
 *
 * The forms are those of the tools that are replaced: options anywhere, --name VALUE or
 * --name=VALUE, several values after one option, unique beginnings of names, '_' and '-'
 * alike. getopt, argp and popt each lack one of them. */
#ifndef SRC_CLI_H
#define SRC_CLI_H

#include <espmfg/export.h>

#include <stdbool.h>
#include <stddef.h>

enum { CLI_VALUES_MAX = 2, CLI_POSITIONALS_MAX = 8 };

/** One option; a table of them ends with a row without name. */
struct cli_option {
    const char *name; /* without the two '-' */
    char letter;      /* for -x; 0: none */
    const char
        *values;      /* names of its values, one word each: "START LENGTH"; NULL: none */
    const char *help; /* NULL: accepted but not shown */
    int id;           /* for the handler */
};

/** What a command takes, and how it is explained. A group has commands and no run(). */
struct cli_command {
    const char *name;        /* all words: "image dump"; of the program: "" */
    const char *summary;     /* one line */
    const char *positionals; /* one word each: "CONF VALUES PREFIX SIZE"; "" : none; a
                              * word that ends in "…" stands for one or more */
    const char
        *about; /* what each positional is, and anything else worth saying, or NULL */
    const struct cli_option *options;
    const char *examples;
    int (*run)(const struct cli_command *command, int argc, char **argv);
    const struct cli_command *const *commands; /* of a group, ended by NULL */
};

/**
 * Called for each option with its values. Returns NULL, or what is wrong with a value:
 * the message then says "--name VALUE: …".
 */
typedef const char *cli_handler(void *user, int id, char *const *values);

/**
 * Parse @p argv (@p argc words, the command's name not among them). Positionals go to
 * @p positionals, a NULL behind the last. It has room for CLI_POSITIONALS_MAX, or, when
 * the command takes one or more of a kind ("…"), for @p argc and the NULL. Returns -1 to
 * go on, or the exit status: 0 after --help was answered on stdout, 2 after a fault was
 * told on stderr, with the usage.
 */
int cli_parse(const char *program, const struct cli_command *command, int argc,
              char **argv, const char *positionals[], cli_handler *handler, void *user);

/** Tell a usage fault of @p command on stderr. Returns 2. */
int cli_fault(const char *program, const struct cli_command *command, const char *format,
              ...) EM_PRINTF(3, 4);

/** Help of one command, or of a group with all its commands, on stdout. */
void cli_help(const char *program, const struct cli_command *command);

/**
 * Find the command that the first words of @p argv name, beginning in @p group, and run
 * it with the rest. "help", --help and, for the program, --version are answered. Returns
 * the exit status.
 */
int cli_run(const char *program, const struct cli_command *group, int argc, char **argv);

/** An unsigned decimal number of at most @p max that is all of @p text. */
bool cli_number(unsigned long long *out, const char *text, unsigned long long max);

#endif
