# SPDX-License-Identifier: Apache-2.0
# Turn tables/names.csv and tables/<chip>.csv into C: const rows of blocks, timing, fields and
# key purposes. Used by local.mk; tables/README.md tells what the columns are.
BEGIN {
    FS = ","
    split("uint bool bytes mac", words, " "); for (i in words) types[words[i]] = 1
    split("main block_none block_3/4 block calib custom_mac calc hidden", words, " ")
    split("MAIN BLOCK_NONE BLOCK_34 WHOLE CALIB CUSTOM_MAC CALC HIDDEN", group_names, " ")
    for (i in words) groups[words[i]] = "EM_EFUSE_" group_names[i]
    split("plain copies scheme rs", words, " "); for (i in words) codings[words[i]] = 1
    editions[""] = "EM_EFUSE_NEWEST | EM_EFUSE_V520"
    editions["new"] = "EM_EFUSE_NEWEST"
    editions["520"] = "EM_EFUSE_V520"
    print "/* Made by tables.awk from tables of flasher/efuse/tables/. */"
    print "#include \"config.h\"\n"
    print "#include \"flasher/efuse/table_int.h\"\n"
}

function fail(text) {
    print FILENAME ":" FNR ": " text > "/dev/stderr"
    failed = 1
    exit 1
}

function quote(text) { return text == "" ? "NULL" : "\"" text "\"" }

function bit(text) { return text == "" ? "EM_EFUSE_NO_BIT" : text }

# "0 1" as members rd_dis and rd_dis_count.
function read_bits(text,   n, part) {
    n = split(text, part, " ")
    return "{" (n > 0 ? part[1] : "EM_EFUSE_NO_BIT") ", " \
        (n > 1 ? part[2] : "EM_EFUSE_NO_BIT") "}, " n
}

# What a name means: its own row in names.csv, or the row that has '#' for each number.
function about_of(name,   text, pattern, rest, number) {
    if (name in about)
        return about[name]
    pattern = name
    gsub(/[0-9]+/, "#", pattern)
    if (!(pattern in about))
        fail("no line for " name " in names.csv")
    text = about[pattern]
    rest = name
    while (match(rest, /[0-9]+/)) {
        number = substr(rest, RSTART, RLENGTH)
        rest = substr(rest, RSTART + RLENGTH)
        sub(/#/, number, text)
    }
    return text
}

function values_of(text,   n, i, item, colon, list) {
    n = split(text, item, ";")
    for (i = 1; i <= n; i++) {
        colon = index(item[i], ":")
        if (colon == 0)
            fail("not NUMBER:TEXT: " item[i])
        list = list "{" substr(item[i], 1, colon - 1) ", \"" substr(item[i], colon + 1) "\"}, "
    }
    return "(const struct em_efuse_value[]){" list "{0, NULL}}"
}

function has(flags, flag) { return index(" " flags " ", " " flag " ") > 0 ? "true" : "false" }

function list_of(type, name, rows) {
    if (rows != "")
        print "static const struct " type " " chip "_" name "[] = {\n" rows "};\n"
}

function member(name, rows) {
    if (rows == "")
        return ""
    return "        ." name "s = " chip "_" name "s,\n        ." name "_count = sizeof " chip "_" name \
        "s / sizeof " chip "_" name "s[0],\n"
}

function flush_chip() {
    if (chip == "")
        return
    list_of("em_efuse_block", "blocks", blocks)
    list_of("em_efuse_timing", "timings", timings)
    list_of("em_efuse_field", "fields", fields)
    list_of("em_efuse_purpose", "purposes", purposes)
    rows = rows "    {\n        .chip = \"" chip "\",\n" facts "        .regs = {\n" regs "        },\n" \
        member("block", blocks) member("timing", timings) member("field", fields) \
        member("purpose", purposes) "    },\n"
}

FNR == 1 {
    flush_chip()
    chip = FILENAME
    sub(/.*\//, "", chip)
    sub(/\.csv$/, "", chip)
    blocks = timings = fields = purposes = facts = regs = ""
    split("", offset)
    if (chip == "names")
        chip = ""
}

/^# / || /^$/ { next }

chip == "" {
    text = $0
    sub(/^[^,]*,/, "", text)
    about[$1] = text
    next
}
$1 == "fact" && $2 == "xtal" {
    n = split($3, part, " ")
    facts = facts "        .xtal = {"
    for (i = 1; i <= n; i++)
        facts = facts (i > 1 ? ", " : "") part[i]
    facts = facts "},\n"
    next
}
$1 == "fact" { facts = facts "        ." $2 " = " $3 ",\n"; next }
$1 == "reg" {
    regs = regs "            ." $2 " = " $3 ",\n"
    offset[$2] = $3
    next
}
$1 == "timing" {
    if (!($3 in offset))
        fail("unknown register: " $3)
    timings = timings "    {" $2 ", " offset[$3] ", " $4 ", " $5 "},\n"
    next
}
$1 == "block" {
    if (!($11 in codings))
        fail("unknown coding: " $11)
    blocks = blocks "    {\"" $3 "\", \"" $4 "\", " $2 ", " $7 ", " $5 ", " $6 ", " bit($8) ", " \
        read_bits($9) ", " quote($10) ", EM_EFUSE_" toupper($11) ", " bit($12) ", " bit($13) "},\n"
    next
}
$1 == "field" {
    if (!($7 in types) || !($11 in groups) || !($13 in editions))
        fail("unknown type, group or table: " $0)
    low = 0
    high = "UINT16_MAX"
    if ($12 != "") {
        split($12, part, "-")
        low = part[1]
        if (part[2] != "")
            high = part[2]
    }
    fields = fields "    {\"" $2 "\", \"" $14 "\", \"" $3 "\",\n        \"" about_of($2) "\",\n        " \
        $4 ", " editions[$13] ", " ($5 == "" ? 0 : $5) ", " $6 ", EM_EFUSE_" toupper($7) \
        ", EM_EFUSE_CLASS_" ($10 == "" ? "NONE" : toupper($10)) ", " groups[$11] ", " bit($8) ", " \
        read_bits($9) ", " low ", " high ",\n        " values_of($15) "},\n"
    next
}
$1 == "purpose" {
    split($6 "  ", part, " ")
    split($7 "  ", place, " ")
    purposes = purposes "    {\"" $2 "\", " $3 ", " $4 ", " has($5, "reverse") ", " has($5, "protect") \
        ", " has($5, "digest") ", " has($5, "custom") ", " has($5, "pem") ", " has($5, "block") ",\n        " \
        editions[$10] ", {" quote(part[1]) ", " quote(part[2]) "}, " bit(place[1]) ", " \
        (place[2] == "low" ? 1 : place[2] == "high" ? 2 : 0) ", " bit($8) ", " quote($9) "},\n"
    next
}
{ fail("unknown kind: " $1) }

END {
    if (failed)
        exit 1
    flush_chip()
    print "const struct em_efuse_table em_efuse_tables[] = {\n" rows "};"
    print "const size_t em_efuse_tables_count = sizeof em_efuse_tables / sizeof em_efuse_tables[0];"
}
