/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_gen: NVS images and keys for every unit of a batch, offline. */
#include "config.h"

#include "src/gen.h"

#include <stdio.h>
#include <string.h>

static const char program[] = "mfg_gen";

static const struct cli_command *const commands[] = {
    &gen_generate,
    &gen_generate_key,
    NULL,
};

static void print_help(FILE *to)
{
    (void)fprintf(
        to,
        "usage: %s COMMAND [OPTION…]\n\n"
        "Makes what is different in every unit of a batch of devices with Espressif\n"
        "chips: NVS images, intermediate CSV files, keys.\n\nCommands:\n",
        program);
    for (const struct cli_command *const *c = commands; *c != NULL; c++)
        (void)fprintf(to, "  %-14s %s\n", (*c)->name, (*c)->summary);
    (void)fprintf(to,
                  "\nOptions:\n"
                  "  -h, --help     this text; '%s COMMAND --help' for one command\n"
                  "      --version  the version of espmfg\n"
                  "\nExamples:\n"
                  "  %s generate config.csv values.csv Fan 0x6000 --outdir out\n"
                  "  %s generate config.csv values.csv Fan 0x6000 --outdir out --keygen\n"
                  "  %s generate-key --keyfile fan.bin --outdir out\n"
                  "\nManual pages: mfg_gen(1), mfg_values(5)\n",
                  program, program, program, program);
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : NULL;
    if (word == NULL) {
        print_help(stderr);
        (void)fprintf(stderr, "\n%s: name a command\n", program);
        return 2;
    }
    if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0 ||
        (strcmp(word, "help") == 0 && argc == 2)) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(word, "--version") == 0) {
        printf("%s (espmfg) %s\n", program, PACKAGE_VERSION);
        return 0;
    }
    bool wants_help = strcmp(word, "help") == 0;
    const struct cli_command *command = cli_find(commands, wants_help ? argv[2] : word);
    if (command == NULL)
        return cli_fault(program, NULL, "there is no command '%s'",
                         wants_help ? argv[2] : word);
    if (wants_help) {
        cli_help(program, command);
        return 0;
    }
    return command->run(command, argc - 2, argv + 2);
}
