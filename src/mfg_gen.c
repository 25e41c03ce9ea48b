/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_gen: NVS images and keys for every unit of a batch, offline. */
#include "config.h"

#include "src/gen.h"
#include "src/term.h"

static const struct cli_command *const commands[] = {
    &gen_generate,      &gen_generate_key,  &gen_verify,    &gen_unseal, &gen_image,
    &gen_flash_encrypt, &gen_flash_decrypt, &gen_flash_key, NULL,
};

static const struct cli_command mfg_gen = {
    .name = "",
    .summary =
        "Makes what is different in every unit of a batch of devices with Espressif "
        "chips",
    .about =
        "NVS images, intermediate CSV files, keys; and looks into images.\n"
        "'mfg_gen COMMAND --help' explains one command, --version tells the version.\n"
        "Manual pages: mfg_gen(1), mfg_values(5)\n",
    .examples =
        "  mfg_gen generate config.csv values.csv Fan 0x6000 --outdir out\n"
        "  mfg_gen generate config.csv values.csv Fan 0x6000 --outdir out --keygen\n"
        "  mfg_gen generate-key --keyfile fan.bin --outdir out\n"
        "  mfg_gen image check out/bin/Fan-1.bin --inputkey out/keys/keys-Fan-1.bin\n",
    .commands = commands,
};

int main(int argc, char **argv)
{
    term_guard_streams();
    return cli_run("mfg_gen", &mfg_gen, argc > 0 ? argc - 1 : 0, argv + (argc > 0));
}
