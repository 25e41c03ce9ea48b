/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines: sub-commands and options from tables, with the help that goes with them.
 */
#include "config.h"

#include "src/cli.h"

#include "base/error_int.h"
#include "base/text_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { HELP_COLUMN = 34, HELP_WIDTH = 90 };

static size_t count_words(const char *words)
{
    size_t n = 0;
    for (const char *p = words; p != NULL && *p != '\0';) {
        p += strspn(p, " ");
        n += *p != '\0';
        p += strcspn(p, " ");
    }
    return n;
}

/* "mfg_gen image dump": what the user typed to get there. */
static void print_name(FILE *to, const char *program, const struct cli_command *command)
{
    (void)fprintf(to, "%s%s%s", program, command->name[0] == '\0' ? "" : " ",
                  command->name);
}

static void print_usage(FILE *to, const char *program, const struct cli_command *command)
{
    (void)fprintf(to, "usage: ");
    print_name(to, program, command);
    if (command->commands != NULL)
        (void)fprintf(to, "%s COMMAND [OPTION…]",
                      command->options == NULL ? "" : " [OPTION…]");
    else
        (void)fprintf(to, " %s%s[OPTION…]", command->positionals,
                      command->positionals[0] == '\0' ? "" : " ");
}

int cli_fault(const char *program, const struct cli_command *command, const char *format,
              ...)
{
    va_list ap;
    char what[1024];
    va_start(ap, format);
    int len = vsnprintf(what, sizeof what, format, ap); /* long texts are cut */
    va_end(ap);
    em_text_hide_passwords(what, len >= (int)sizeof what);
    if (command->fault != NULL) {
        const char *last = strrchr(command->name, ' ');
        (void)em_error_set(command->fault, EM_ERR_USAGE, NULL, "%s: %s",
                           last == NULL ? command->name : last + 1, what);
        return 2;
    }
    print_usage(stderr, program, command);
    (void)fprintf(stderr, " (try '");
    print_name(stderr, program, command);
    (void)fprintf(stderr, " --help')\n%s: %s\n", program, what);
    return 2;
}

/* Print @p text from column @p indent on, broken between words. */
static void print_wrapped(const char *text, int indent)
{
    int column = indent;
    while (*text != '\0') {
        int len = (int)strcspn(text, " ");
        if (column > indent && column + 1 + len > HELP_WIDTH) {
            printf("\n%*s", indent, "");
            column = indent;
        }
        printf("%s%.*s", column > indent ? " " : "", len, text);
        column += len + (column > indent);
        text += len;
        text += strspn(text, " ");
    }
    (void)putchar('\n');
}

static void print_options(const struct cli_option *options)
{
    for (const struct cli_option *o = options; o->name != NULL; o++) {
        char left[64];
        char letters[8] = "";
        if (o->help == NULL)
            continue;
        if (o->letters != NULL)
            (void)snprintf(letters, sizeof letters, "-%s, ", o->letters);
        int len =
            snprintf(left, sizeof left, "%6s--%s%s%s", letters, o->name,
                     o->values == NULL ? "" : " ", o->values == NULL ? "" : o->values);
        /* "…" takes three bytes and one column. */
        int columns = len - (strstr(left, "…") == NULL ? 0 : 2);
        if (columns >= HELP_COLUMN - 1)
            printf("%s\n%*s", left, HELP_COLUMN, "");
        else
            printf("%s%*s", left, HELP_COLUMN - columns, "");
        print_wrapped(o->help, HELP_COLUMN);
    }
}

/* The last word of a command's name: what is typed behind the group's. */
static const char *last_word(const struct cli_command *command)
{
    const char *blank = strrchr(command->name, ' ');
    return blank == NULL ? command->name : blank + 1;
}

/* How wide the column of a group's commands is. */
static int name_width(const struct cli_command *group)
{
    int width = 14;
    for (const struct cli_command *const *c = group->commands; *c != NULL; c++) {
        int len = (int)strlen(last_word(*c));
        width = len > width ? len : width;
    }
    return width;
}

void cli_help(const char *program, const struct cli_command *command)
{
    print_usage(stdout, program, command);
    printf("\n\n%s.\n\n", command->summary);
    if (command->about != NULL)
        printf("%s\n", command->about);
    if (command->commands != NULL) {
        printf("Commands:\n");
        for (const struct cli_command *const *c = command->commands; *c != NULL; c++)
            printf("  %-*s %s\n", name_width(command), last_word(*c), (*c)->summary);
    }
    if (command->commands != NULL && command->options != NULL) {
        printf("\nOptions, before the command or behind it:\n");
        print_options(command->options);
        printf("  -h, --help\n");
    } else if (command->commands == NULL) {
        printf("Options (anywhere; --name=VALUE works too, and so do unique "
               "beginnings):\n");
        print_options(command->options);
        printf("  -h, --help\n");
        if (command->common != NULL)
            printf("and those of all commands, which '%s --help' explains\n", program);
    }
    printf("\nExamples:\n%s", command->examples);
}

static bool same_char(char a, char b)
{
    return (a == '_' ? '-' : a) == (b == '_' ? '-' : b);
}

/* How well do the first @p len characters of @p text name @p name? 0: not, 1: its
 * beginning, 2: all of it. */
static int match(const char *name, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (name[i] == '\0' || !same_char(name[i], text[i]))
            return 0;
    }
    return name[len] == '\0' ? 2 : 1;
}

/* What was found in the tables of options so far. */
struct candidates {
    const struct cli_option *whole, *found, *hidden;
    int n;
};

static void look_in(struct candidates *c, const struct cli_option *options,
                    const char *text, size_t len)
{
    for (const struct cli_option *o = options; o != NULL && o->name != NULL; o++) {
        int how = match(o->name, text, len);
        if (how == 2 && c->whole == NULL) {
            c->whole = o;
        } else if (how == 1 && o->help != NULL) {
            c->found = o;
            c->n++;
        } else if (how == 1) {
            c->hidden = o;
        }
    }
}

/* The option that @p text names; options that are not shown only count when no other
 * does. *several is set when it could be more than one. */
static const struct cli_option *find_option(const struct cli_command *command,
                                            const char *text, size_t len, bool *several)
{
    struct candidates c = {NULL, NULL, NULL, 0};
    look_in(&c, command->options, text, len);
    look_in(&c, command->common, text, len);
    *several = c.whole == NULL && c.n > 1;
    return c.whole != NULL ? c.whole : c.n == 1 ? c.found : c.n == 0 ? c.hidden : NULL;
}

/* The option whose letters are the @p len characters at @p text. */
static const struct cli_option *find_letters(const struct cli_command *command,
                                             const char *text, size_t len)
{
    const struct cli_option *const tables[] = {command->options, command->common};
    for (size_t i = 0; i < 2; i++) {
        for (const struct cli_option *o = tables[i]; o != NULL && o->name != NULL; o++) {
            if (o->letters != NULL && strlen(o->letters) == len &&
                strncmp(o->letters, text, len) == 0)
                return o;
        }
    }
    return NULL;
}

static const struct cli_command *find_command(const struct cli_command *group,
                                              const char *word)
{
    for (const struct cli_command *const *c = group->commands; *c != NULL; c++) {
        if (match(last_word(*c), word, strlen(word)) == 2)
            return *c;
    }
    return NULL;
}

/* "-5" and "-.5" are values, "-x" is an option. */
static bool looks_like_option(const char *word)
{
    if (word[0] != '-' || word[1] == '\0')
        return false;
    size_t digits = strspn(word + 1, "0123456789.");
    return word[1 + digits] != '\0';
}

struct parser {
    const char *program;
    const struct cli_command *command;
    int argc;
    char **argv;
    int at; /* next word */
    cli_handler *handler;
    void *user;
};

/* Is the next word one more value? What a value has to be is no command's name. */
static bool more_values(const struct parser *p)
{
    return p->at < p->argc && !looks_like_option(p->argv[p->at]) &&
           (p->command->commands == NULL ||
            find_command(p->command, p->argv[p->at]) == NULL);
}

/* Values of an option, once: the first may be attached to it. */
static int take_values(struct parser *p, const struct cli_option *option,
                       const char *shown, char *attached)
{
    char *values[CLI_VALUES_MAX] = {NULL};
    size_t need = count_words(option->values);
    size_t n = 0;
    if (attached != NULL)
        values[n++] = attached;
    while (n < need && p->at < p->argc && !looks_like_option(p->argv[p->at]))
        values[n++] = p->argv[p->at++];
    if (n < need)
        return cli_fault(
            p->program, p->command,
            "%s needs %s%s (write %s=VALUE for a value that begins with '-')", shown,
            need == 1 ? "a value: " : "values: ", option->values, shown);
    const char *fault = p->handler(p->user, option->id, values);
    if (fault != NULL)
        return cli_fault(p->program, p->command, "%s%s%s: %s", shown, need > 0 ? " " : "",
                         need > 0 ? values[0] : "", fault);
    return -1;
}

static int take_option(struct parser *p, const struct cli_option *option,
                       const char *shown, char *attached)
{
    const char *names = option->values == NULL ? "" : option->values;
    char *none[CLI_VALUES_MAX] = {NULL};
    if (attached != NULL && names[0] == '\0')
        return cli_fault(p->program, p->command, "%s takes no value", shown);
    if (names[0] == '[' && attached == NULL && (shown[1] != '-' || !more_values(p))) {
        const char *fault = p->handler(p->user, option->id, none);
        return fault == NULL ? -1
                             : cli_fault(p->program, p->command, "%s: %s", shown, fault);
    }
    int status = take_values(p, option, shown, attached);
    while (status == -1 && strstr(names, "…") != NULL && more_values(p))
        status = take_values(p, option, shown, NULL);
    return status;
}

static int take_long(struct parser *p, char *word)
{
    char shown[80];
    char *equals = strchr(word, '=');
    size_t len = (equals == NULL ? strlen(word) : (size_t)(equals - word)) - 2;
    bool several;
    const struct cli_option *option = find_option(p->command, word + 2, len, &several);
    (void)snprintf(shown, sizeof shown, "--%.*s", (int)(len < 70 ? len : 70), word + 2);
    if (option == NULL && match("help", word + 2, len) > 0 && !several) {
        cli_help(p->program, p->command);
        return 0;
    }
    if (several)
        return cli_fault(p->program, p->command, "%s could be several options", shown);
    if (option == NULL)
        return cli_fault(p->program, p->command, "there is no option %s", shown);
    return take_option(p, option, shown, equals == NULL ? NULL : equals + 1);
}

/* "-fs 4MB", "-j 2", "-j2", and letters of options without values in a row: "-ez". */
static int take_letters(struct parser *p, char *word)
{
    char shown[4] = {'-', word[1], '\0', '\0'};
    char *equals = strchr(word, '=');
    size_t len = equals == NULL ? strlen(word) - 1 : (size_t)(equals - word) - 1;
    const struct cli_option *option =
        len == 2 ? find_letters(p->command, word + 1, 2) : NULL;
    if (option != NULL) {
        shown[2] = word[2];
        return take_option(p, option, shown, equals == NULL ? NULL : equals + 1);
    }
    for (char *c = word + 1; *c != '\0'; c++) {
        shown[1] = *c;
        if (*c == 'h') {
            cli_help(p->program, p->command);
            return 0;
        }
        option = find_letters(p->command, c, 1);
        if (option == NULL)
            return cli_fault(p->program, p->command, "there is no option %s", shown);
        bool has_values = option->values != NULL;
        int status =
            take_option(p, option, shown, has_values && c[1] != '\0' ? c + 1 : NULL);
        if (has_values || status != -1)
            return status;
    }
    return -1;
}

static int take_word(struct parser *p, char *word)
{
    return word[1] == '-' ? take_long(p, word) : take_letters(p, word);
}

/* How many of the positionals have to be there. */
static size_t count_needed(const char *positionals)
{
    size_t n = 0;
    for (const char *p = positionals; *p != '\0' && *p != '[';) {
        n++;
        p += strcspn(p, " ");
        p += strspn(p, " ");
    }
    return n;
}

int cli_parse(const char *program, const struct cli_command *command, int argc,
              char **argv, const char *positionals[], cli_handler *handler, void *user)
{
    struct parser p = {program, command, argc, argv, 0, handler, user};
    size_t need = count_needed(command->positionals);
    size_t most = strstr(command->positionals, "…") == NULL
                      ? count_words(command->positionals)
                      : (size_t)argc;
    size_t n = 0;
    bool only_positionals = false;
    positionals[0] = NULL;
    while (p.at < p.argc) {
        char *word = p.argv[p.at++];
        int status = -1;
        if (!only_positionals && strcmp(word, "--") == 0)
            only_positionals = true;
        else if (only_positionals || !looks_like_option(word)) {
            if (n == most)
                return cli_fault(program, command, "'%s' is one argument too many", word);
            positionals[n++] = word;
            positionals[n] = NULL;
        } else
            status = take_word(&p, word);
        if (status != -1)
            return status;
    }
    if (n < need) {
        const char *missing = command->positionals;
        for (size_t i = 0; i < n; i++)
            missing += strcspn(missing, " ") + 1;
        return cli_fault(program, command, "%s is missing", missing);
    }
    return -1;
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0;
}

static int print_help(const char *program, const struct cli_command *command)
{
    cli_help(program, command);
    return 0;
}

int cli_find(const struct cli_command **command_out, const char *program,
             const struct cli_command *group, int *argc, char ***argv,
             cli_handler *handler, void *user)
{
    struct parser p = {program, group, *argc, *argv, 0, handler, user};
    bool wants_help = false;
    while (p.command->commands != NULL) {
        if (p.at == p.argc && wants_help)
            break;
        if (p.at == p.argc)
            return cli_fault(program, p.command, "name a command");
        char *word = p.argv[p.at++];
        const struct cli_command *next = find_command(p.command, word);
        int status = -1;
        if (p.command == group && strcmp(word, "help") == 0)
            wants_help = true;
        else if (asks_for_help(word))
            return print_help(program, p.command);
        else if (p.command == group && strcmp(word, "--version") == 0)
            status = cli_version(program);
        else if (next != NULL)
            p.command = next;
        else if (p.command->options != NULL && looks_like_option(word))
            status = take_word(&p, word);
        else
            return cli_fault(program, p.command, "there is no command '%s%s%s'",
                             p.command->name, p.command->name[0] == '\0' ? "" : " ",
                             word);
        if (status != -1)
            return status;
    }
    if (wants_help)
        return print_help(program, p.command);
    *command_out = p.command;
    *argc -= p.at;
    *argv += p.at;
    return -1;
}

int cli_run(const char *program, const struct cli_command *group, int argc, char **argv)
{
    const struct cli_command *command = NULL;
    int status = cli_find(&command, program, group, &argc, &argv, NULL, NULL);
    return status >= 0 ? status : command->run(command, argc, argv);
}

int cli_version(const char *program)
{
    printf("%s (espmfg) %s\n", program, PACKAGE_VERSION);
    return 0;
}
