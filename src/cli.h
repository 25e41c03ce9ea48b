/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines: sub-commands and options from tables, with the help that goes with them.
 *
 * The forms are those of the tools that are replaced: options anywhere, --name VALUE or
 * --name=VALUE, several values after one option, unique beginnings of names, '_' and '-'
 * alike. getopt, argp and popt each lack one of them. */
#ifndef SRC_CLI_H
#define SRC_CLI_H

#include <espmfg/error.h>

#include <stdbool.h>
#include <stddef.h>

enum { CLI_VALUES_MAX = 2, CLI_POSITIONALS_MAX = 8 };

/** One option; a table of them ends with a row without name. */
struct cli_option {
    const char *name;    /* without the two '-' */
    const char *letters; /* one or two, for -x or -xy; NULL: none */
    const char *values;  /* names of its values, one word each: "START LENGTH"; "FILE…":
                          * one  or more, the handler is called for each; "[FILE]": one or
                          * none, taken from the next word behind the long form only;
                          * NULL: none */
    const char *help;    /* NULL: accepted but not shown */
    int id;              /* for the handler */
};

/** What a command takes, and how it is explained. A group has commands and no run(); its
 * options, if it has any, stand before the command. */
struct cli_command {
    const char *name;        /* all words: "image dump"; of the program: "" */
    const char *summary;     /* one line */
    const char *positionals; /* one word each: "CONF VALUES PREFIX SIZE"; "" : none; a
                              * word that ends in "…" stands for one or more, words
                              * from one with '[' on may be left out */
    const char
        *about; /* what each positional is, and anything else worth saying, or NULL */
    const struct cli_option *options;
    const struct cli_option *common; /* options of the program that may stand here too; of
                                      * equal letters the command's own count; or NULL */
    const char *examples;
    struct em_error *fault; /* where faults are told in the place of stderr, or NULL */
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
 * Find the command that the first words of @p argv name, beginning in @p group; options
 * of groups before it go to @p handler (may be NULL without such options). "help", --help
 * and, for the program, --version are answered. *command_out becomes the command, and
 * @p argc and @p argv the words behind it; returns -1, or the exit status when there is
 * nothing left to do.
 */
int cli_find(const struct cli_command **command_out, const char *program,
             const struct cli_command *group, int *argc, char ***argv,
             cli_handler *handler, void *user);

/** Find a command of a program whose groups have no options, and run it with the rest.
 * Returns the exit status. */
int cli_run(const char *program, const struct cli_command *group, int argc, char **argv);

/** Print program and version on stdout. Returns 0. */
int cli_version(const char *program);

/** An unsigned decimal number of at most @p max that is all of @p text. */
bool cli_number(unsigned long long *out, const char *text, unsigned long long max);

/** The same, decimal or with 0x, 0o or 0b. */
bool cli_integer(unsigned long long *out, const char *text, unsigned long long max);

/** The same, decimal also with k (1024) or M behind. */
bool cli_size(unsigned long long *out, const char *text, unsigned long long max);

/** The words of a command line, those of files among them. */
struct cli_words {
    char **argv; /* ended by NULL; NULL without words */
    size_t count, room;
    char **texts; /* of files */
    size_t text_count;
};

/**
 * Copy the words, and put in the place of each "@FILE" the words of that file, split and
 * quoted as in a shell. @p argv has to stay. Returns EM_OK, EM_ERR_IO, EM_ERR_INPUT (a
 * quote that is not closed) or EM_ERR_NOMEM.
 */
enum em_status cli_words_expand(struct cli_words *out, int argc, char **argv,
                                struct em_error *err);
void cli_words_free(struct cli_words *words);

#endif
