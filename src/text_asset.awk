# SPDX-License-Identifier: Apache-2.0
# Makes C of text files: NAME becomes the lines of FILE, ended by NULL. Lines, because C11
# compilers need not take a text of more than 4095 bytes.
# Use: awk -f text_asset.awk -v header=H NAME=FILE…

BEGIN {
    printf "/* Made by src/text_asset.awk; do not edit. */\n#include \"config.h\"\n\n"
    printf "#include \"%s\"\n", header
    for (i = 1; i < ARGC; i++) {
        at = index(ARGV[i], "=")
        name = substr(ARGV[i], 1, at - 1)
        file = substr(ARGV[i], at + 1)
        printf "\nconst char *const %s[] = {\n", name
        while ((got = (getline line < file)) > 0) {
            if (line ~ /SPDX-License-Identifier/)
                continue
            gsub(/\\/, "&&", line)
            gsub(/"/, "\\\"", line)
            gsub(/\?\?/, "?\" \"?", line) # no trigraphs
            printf "    \"%s\\n\",\n", line
        }
        if (got < 0) {
            printf "text_asset.awk: cannot read %s\n", file > "/dev/stderr"
            exit 1
        }
        close(file)
        printf "    NULL,\n};\n"
    }
    exit 0
}
