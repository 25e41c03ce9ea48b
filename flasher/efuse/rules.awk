# SPDX-License-Identifier: Apache-2.0
# Turn tables/rules.csv into C: const rows of rules and of what dangerous fields do.
BEGIN {
    FS = ";"
    print "/* Made by rules.awk from tables/rules.csv. */"
    print "#include \"config.h\"\n"
    print "#include \"flasher/efuse/rules_int.h\"\n"
}

function fail(text) {
    print FILENAME ":" FNR ": " text > "/dev/stderr"
    failed = 1
    exit 1
}

/^#/ || /^$/ { next }
/"/ || /\\/ { fail("quotes and backslashes are not for here") }
$1 == "rule" && NF == 8 {
    if ($3 != "refuse" && $3 != "warn")
        fail("not refuse or warn: " $3)
    rules = rules "    {\"" $2 "\", " ($3 == "refuse" ? "true" : "false") ", EM_RULE_" $4 ", \"" $5 \
        "\",\n     \"" $6 "\",\n     \"" $7 "\",\n     \"" $8 "\"},\n"
    next
}
$1 == "danger" && NF == 3 {
    dangers = dangers "    {\"" $2 "\", \"" $3 "\"},\n"
    next
}
{ fail("a rule has 8 columns, a danger 3") }

END {
    if (failed)
        exit 1
    print "const struct em_efuse_rule em_efuse_rules[] = {\n" rules "};"
    print "const size_t em_efuse_rules_count = sizeof em_efuse_rules / sizeof em_efuse_rules[0];\n"
    print "const struct em_efuse_danger em_efuse_dangers[] = {\n" dangers "};"
    print "const size_t em_efuse_dangers_count =\n    sizeof em_efuse_dangers / sizeof em_efuse_dangers[0];"
}
