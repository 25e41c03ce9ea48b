/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines: sub-commands and options from tables, with the help that goes with them.
 */
#include "config.h"

#include "src/cli.h"

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
        (void)fprintf(to, " COMMAND [OPTION…]");
    else
        (void)fprintf(to, " %s%s[OPTION…]", command->positionals,
                      command->positionals[0] == '\0' ? "" : " ");
}

int cli_fault(const char *program, const struct cli_command *command, const char *format,
              ...)
{
    va_list ap;
    print_usage(stderr, program, command);
    (void)fprintf(stderr, " (try '");
    print_name(stderr, program, command);
    (void)fprintf(stderr, " --help')\n%s: ", program);
    va_start(ap, format);
    (void)vfprintf(stderr, format, ap);
    va_end(ap);
    (void)fputc('\n', stderr);
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
        char letter[8] = "    ";
        if (o->help == NULL)
            continue;
        if (o->letter != 0)
            (void)snprintf(letter, sizeof letter, "-%c, ", o->letter);
        int len =
            snprintf(left, sizeof left, "  %s--%s%s%s", letter, o->name,
                     o->values == NULL ? "" : " ", o->values == NULL ? "" : o->values);
        if (len >= HELP_COLUMN - 1)
            printf("%s\n%*s", left, HELP_COLUMN, "");
        else
            printf("%-*s", HELP_COLUMN, left);
        print_wrapped(o->help, HELP_COLUMN);
    }
}

/* The last word of a command's name: what is typed behind the group's. */
static const char *last_word(const struct cli_command *command)
{
    const char *blank = strrchr(command->name, ' ');
    return blank == NULL ? command->name : blank + 1;
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
            printf("  %-14s %s\n", last_word(*c), (*c)->summary);
    } else {
        printf("Options (anywhere; --name=VALUE works too, and so do unique "
               "beginnings):\n");
        print_options(command->options);
        printf("  -h, --help\n");
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

/* The option that @p text names; options that are not shown only count when no other
 * does. *several is set when it could be more than one. */
static const struct cli_option *find_option(const struct cli_option *options,
                                            const char *text, size_t len, bool *several)
{
    const struct cli_option *found = NULL;
    const struct cli_option *hidden = NULL;
    int n = 0;
    *several = false;
    for (const struct cli_option *o = options; o->name != NULL; o++) {
        int how = match(o->name, text, len);
        if (how == 2)
            return o;
        if (how == 1 && o->help != NULL) {
            found = o;
            n++;
        } else if (how == 1) {
            hidden = o;
        }
    }
    *several = n > 1;
    return n == 1 ? found : n == 0 ? hidden : NULL;
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

static int take_option(struct parser *p, const struct cli_option *option,
                       const char *shown, char *attached)
{
    char *values[CLI_VALUES_MAX] = {NULL};
    size_t need = count_words(option->values);
    size_t n = 0;
    if (attached != NULL && need == 0)
        return cli_fault(p->program, p->command, "%s takes no value", shown);
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

static int take_long(struct parser *p, char *word)
{
    char shown[80];
    char *equals = strchr(word, '=');
    size_t len = (equals == NULL ? strlen(word) : (size_t)(equals - word)) - 2;
    bool several;
    const struct cli_option *option =
        find_option(p->command->options, word + 2, len, &several);
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

static int take_letter(struct parser *p, char *word)
{
    char shown[3] = {'-', word[1], '\0'};
    if (word[1] == 'h') {
        cli_help(p->program, p->command);
        return 0;
    }
    for (const struct cli_option *o = p->command->options; o->name != NULL; o++) {
        if (o->letter == word[1])
            return take_option(p, o, shown, word[2] == '\0' ? NULL : word + 2);
    }
    return cli_fault(p->program, p->command, "there is no option %s", shown);
}

int cli_parse(const char *program, const struct cli_command *command, int argc,
              char **argv, const char *positionals[], cli_handler *handler, void *user)
{
    struct parser p = {program, command, argc, argv, 0, handler, user};
    size_t need = count_words(command->positionals);
    size_t most = strstr(command->positionals, "…") == NULL ? need : (size_t)argc;
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
        } else if (word[1] == '-')
            status = take_long(&p, word);
        else
            status = take_letter(&p, word);
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

static const struct cli_command *find_command(const struct cli_command *group,
                                              const char *word)
{
    for (const struct cli_command *const *c = group->commands; *c != NULL; c++) {
        if (match(last_word(*c), word, strlen(word)) == 2)
            return *c;
    }
    return NULL;
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0;
}

int cli_run(const char *program, const struct cli_command *group, int argc, char **argv)
{
    const struct cli_command *command = group;
    bool wants_help = false;
    while (command->commands != NULL) {
        if (argc == 0 && wants_help)
            break;
        if (argc == 0)
            return cli_fault(program, command, "name a command");
        const char *word = *argv++;
        argc--;
        if (command == group && strcmp(word, "help") == 0) {
            wants_help = true;
            continue;
        }
        if (asks_for_help(word)) {
            wants_help = true;
            break;
        }
        if (command == group && strcmp(word, "--version") == 0) {
            printf("%s (espmfg) %s\n", program, PACKAGE_VERSION);
            return 0;
        }
        const struct cli_command *next = find_command(command, word);
        if (next == NULL)
            return cli_fault(program, command, "there is no command '%s%s%s'",
                             command->name, command->name[0] == '\0' ? "" : " ", word);
        command = next;
    }
    if (wants_help) {
        cli_help(program, command);
        return 0;
    }
    return command->run(command, argc, argv);
}

bool cli_number(unsigned long long *out, const char *text, unsigned long long max)
{
    *out = 0;
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        unsigned digit = (unsigned)(*text - '0');
        if (*out > (max - digit) / 10)
            return false;
        *out = *out * 10 + digit;
    }
    return true;
}
