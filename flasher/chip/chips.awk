# SPDX-License-Identifier: Apache-2.0
# Turn tables/<chip>.csv into C: a const row a chip, with its lists. Used by local.mk.
# Rows are kind,key,value,note; '#' begins a comment line. The kinds:
#   fact        a member of struct em_chip
#   flash_freq, flash_size   a name and its code
#   flash_size_v3            the same, in images of version 3, where they differ
#   bits        an item, made of ADDR.LOW.COUNT pieces, the most significant first
#   text        an ITEM.VALUE and what it means
#   memory      a region, START-END (END is behind it)
#   flash_map   where code or data in flash are mapped, the same
BEGIN {
    FS = ","
    kind_of["detect"] = "enum"
    split("name tested features spi_pins", words, " "); for (i in words) kind_of[words[i]] = "text"
    split("dl_encrypt_dis crypt_cnt secure_boot secure_boot_v2", words, " ")
    for (i in words) kind_of[words[i]] = "mask"
    print "/* Made by chips.awk from tables of flasher/chip/tables/. */"
    print "#include \"config.h\"\n"
    print "#include \"flasher/chip/ops_int.h\"\n"
}

function fail(text) {
    print FILENAME ":" FNR ": " text > "/dev/stderr"
    failed = 1
    exit 1
}

function flush_chip() {
    if (chip == "")
        return
    print "static const struct em_chip_code " chip "_freqs[] = {" freqs " {NULL, 0}};"
    print "static const struct em_chip_code " chip "_sizes[] = {" sizes " {NULL, 0}};"
    print "static const struct em_chip_code " chip "_sizes_v3[] = {" sizes_v3 " {NULL, 0}};"
    print "static const struct em_chip_bits " chip "_bits[] = {\n" bits "    {NULL, {{0, 0, 0}}, 0}};"
    print "static const struct em_chip_memory " chip "_memory[] = {\n" memory "    {NULL, 0, 0}};"
    print "static const struct em_chip_memory " chip "_flash_map[] = {\n" flash_map "    {NULL, 0, 0}};"
    print "static const struct em_chip_text " chip "_texts[] = {\n" texts "    {NULL, 0, NULL}};\n"
    rows = rows "    {\n        .id = \"" chip "\",\n" facts
    if (facts !~ /\.ops =/)
        rows = rows "        .ops = &em_chip_ops_plain,\n"
    rows = rows "        .flash_freqs = " chip "_freqs,\n        .flash_sizes = " chip "_sizes,\n"
    rows = rows "        .flash_sizes_v3 = " chip "_sizes_v3,\n"
    rows = rows "        .bits = " chip "_bits,\n        .memory = " chip "_memory,\n"
    rows = rows "        .flash_map = " chip "_flash_map,\n        .texts = " chip "_texts,\n    },\n"
}

FNR == 1 {
    flush_chip()
    chip = FILENAME
    sub(/.*\//, "", chip)
    sub(/\.csv$/, "", chip)
    freqs = sizes = sizes_v3 = bits = texts = facts = memory = flash_map = ""
}

/^#/ || /^$/ { next }

$1 == "fact" {
    if ($2 == "ops")
        facts = facts "        .ops = &em_chip_ops_" $3 ",\n"
    else if (kind_of[$2] == "text") {
        gsub(/; /, ", ", $3) # commas would end the column
        facts = facts "        ." $2 " = \"" $3 "\",\n"
    } else if (kind_of[$2] == "mask") {
        if (split($3, part, "&") != 2)
            fail("not ADDRESS&MASK: " $3)
        facts = facts "        ." $2 " = {" part[1] ", " part[2] "},\n"
    } else if (kind_of[$2] == "enum")
        facts = facts "        ." $2 " = EM_CHIP_DETECT_" toupper($3) ",\n"
    else
        facts = facts "        ." $2 " = " $3 ",\n"
    next
}
$1 == "flash_freq" { freqs = freqs " {\"" $2 "\", " $3 "},"; next }
$1 == "flash_size" { sizes = sizes " {\"" $2 "\", " $3 "},"; next }
$1 == "flash_size_v3" { sizes_v3 = sizes_v3 " {\"" $2 "\", " $3 "},"; next }
$1 == "bits" {
    n = split($3, pieces, " ")
    list = ""
    for (i = 1; i <= n; i++) {
        if (split(pieces[i], part, ".") != 3)
            fail("not ADDRESS.LOW.COUNT: " pieces[i])
        list = list (i > 1 ? ", " : "") "{" part[1] ", " part[2] ", " part[3] "}"
    }
    bits = bits "    {\"" $2 "\", {" list "}, " n "},\n"
    next
}
$1 == "text" {
    dot = index($2, ".")
    if (dot == 0)
        fail("not ITEM.VALUE: " $2)
    texts = texts "    {\"" substr($2, 1, dot - 1) "\", " substr($2, dot + 1) ", \"" $3 "\"},\n"
    next
}
$1 == "memory" || $1 == "flash_map" {
    if (split($3, part, "-") != 2)
        fail("not START-END: " $3)
    row = "    {\"" $2 "\", " part[1] ", " part[2] "},\n"
    if ($1 == "memory")
        memory = memory row
    else
        flash_map = flash_map row
    next
}
{ fail("unknown kind: " $1) }

END {
    if (failed)
        exit 1
    flush_chip()
    print "const struct em_chip em_chip_table[] = {\n" rows "};"
    print "const size_t em_chip_table_count = sizeof em_chip_table / sizeof em_chip_table[0];"
}
