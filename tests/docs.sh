#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the help of a program names stands in its manual pages and in the completion of every shell,
# and nothing else does; exit statuses and findings are the library's.
set -eu

: "${top_srcdir:?}" "${MFG_GEN:?}" "${MFG_FLASH:?}" "${MFG_SIM:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

fail() {
    echo "FAIL: $*"
    failed=1
}

docs=$top_srcdir/docs

# The program that is looked at.
use() {
    program=$1 run=$2
    completions="$top_srcdir/src/completion/$program.bash $top_srcdir/src/completion/_$program
        $top_srcdir/src/completion/$program.fish"
}

# The commands that a help lists, of the program or of a group (no arguments: the program).
commands_of() {
    "$run" "$@" --help | sed -n '/^Commands:/,/^$/p' | awk 'NF > 1 && !/^Commands:/ { print $1 }'
}

# Options as the help lists them, at the beginnings of lines. $1: the command, one or two words.
options_of() {
    # shellcheck disable=SC2086 # two words
    "$run" $1 --help | sed -nE 's/^(      |  -., | -.., )--([a-z0-9_-]+).*/\2/p' | sort -u
}

# The page that describes a command: that of its group, if it is in one.
page_of() {
    case $1 in
    *\ *) echo "$docs/$program-${1%% *}.1" ;;
    *) echo "$docs/$program.1" ;;
    esac
}

# The page's section of a command: from its .Ss to the next; of the program, what is before.
manual_of() {
    if [ -n "$1" ]; then
        sed -n "/^\.Ss $1\$/,/^\.S[sh] /p" "$(page_of "$1")"
    elif [ -n "$commands" ]; then
        sed -n '/^\.Sh DESCRIPTION/,/^\.Ss /p' "$docs/$program.1" | sed -n '/^\.It Fl/p'
    else
        sed -n '/^\.It Fl/p' "$docs/$program.1"
    fi | grep -oE 'Fl -[a-z0-9_-]+' | sed 's/Fl -//' | sort -u
}

# Ask the completions of bash and of fish what they offer for an option of a command.
# shellcheck disable=SC2317 # called by name
offered_by_bash() {
    bash -c '
        . "$1"
        program=$2
        shift 2
        COMP_WORDS=("$program" "$@" --)
        COMP_CWORD=$(($# + 1))
        "_$program"
        printf "%s\n" "${COMPREPLY[@]}"' bash "$top_srcdir/src/completion/$program.bash" \
        "$program" "$@"
}
# shellcheck disable=SC2317 # called by name
offered_by_fish() {
    fish --no-config -c "source '$top_srcdir/src/completion/$program.fish'
        complete -C '$program $* --'"
}
shells=
for shell in bash fish; do
    if command -v $shell >/dev/null 2>&1; then
        shells="$shells $shell"
    else
        echo "not checked: what $shell offers ($shell is missing)"
    fi
done

count=0
listed=0

# Options of a command, "" of the program itself, in help, manual and completions.
check_options() {
    command=$1
    shown="${command:-$program}"
    page=$(basename "$(page_of "$command")")
    for option in $(options_of "$command"); do
        count=$((count + 1))
        manual_of "$command" | grep -qx -- "$option" || [ "$option" = help ] ||
            fail "$shown --$option is not in $page"
        for completion in $completions; do
            grep -qE -- "(--|-l )$option([^a-z_-]|\$)" "$completion" ||
                fail "--$option is not in $(basename "$completion")"
        done
    done
    for option in $(manual_of "$command"); do
        case $command:$option in
        generate:keyfile | generate:input | generate:output) continue ;; # accepted, not shown
        esac
        # What is said of a command may speak of the program's options.
        { options_of "$command" && options_of ''; } | grep -qx -- "$option" ||
            [ "$option" = help ] ||
            fail "$page names $shown --$option, the help does not"
    done
    # Options of the program, and of a group, stand behind a command too.
    {
        options_of "$command"
        options_of ''
        [ "$command" = "${command%% *}" ] || options_of "${command%% *}"
    } | grep -vx help | sort -u >"$work/options"
    for shell in $shells; do
        # shellcheck disable=SC2086 # two words
        offered_by_$shell $command | sed -nE 's/^--([a-z0-9_-]+).*/\1/p' | grep -vx help |
            sort -u >"$work/offered"
        if [ -z "$command$(grep -x version "$work/options")" ]; then
            sed -i '/^version$/d' "$work/offered" # of programs with commands; in no table
        fi
        diff "$work/options" "$work/offered" ||
            fail "$shown: options (<) and what $shell offers (>) differ"
    done
}

check_command() {
    listed=$((listed + 1))
    grep -qx ".Ss $1" "$(page_of "$1")" || fail "$1 has no section in $(page_of "$1")"
    check_options "$1"
    for completion in $completions; do
        grep -qE "(^|[^a-z-])${1##* }([^a-z-]|\$)" "$completion" ||
            fail "$1 is not in $(basename "$completion")"
    done
}

check_program() {
    use "$1" "$2"
    commands=$(commands_of)
    for name in $commands; do
        members=$(commands_of "$name")
        if [ -z "$members" ]; then
            check_command "$name"
            continue
        fi
        groups="$groups $name"
        [ -e "$docs/$program-$name.1" ] || fail "there is no $program-$name(1)"
        grep -qx ".Ss $name" "$docs/$program.1" || fail "$name has no section in $program.1"
        grep -q "^\.Xr $program-$name 1" "$docs/$program.1" ||
            fail "$program(1) does not refer to it"
        for option in $(options_of "$name"); do
            [ "$option" = help ] ||
                sed -n '/^\.Sh DESCRIPTION/,/^\.Ss /p' "$docs/$program-$name.1" |
                grep -qE "Fl -$option( |\$)" ||
                fail "$name --$option is not in $program-$name(1)"
        done
        for member in $members; do
            check_command "$name $member"
        done
        sed -nE "s/^\.Ss $name (.*)/\1/p" "$docs/$program-$name.1" | sort >"$work/sections"
        printf '%s\n' "$members" | sort >"$work/members"
        diff "$work/sections" "$work/members" ||
            fail "sections of $program-$name(1) (<) and commands (>) differ"
    done
    [ -z "$(options_of '')" ] || check_options ''
}

groups=
check_program mfg_gen "$MFG_GEN"
[ -n "$groups" ] || fail "no group of commands was found"
gen_listed=$listed
[ "$gen_listed" -ge 11 ] || fail "the help of mfg_gen lists only $gen_listed commands"
check_program mfg_flash "$MFG_FLASH"
[ $((listed - gen_listed)) -ge 20 ] || fail "the help of mfg_flash lists too few commands"
check_program mfg_sim "$MFG_SIM"

# The statuses of the library's table, one a line: EM_STATUS rows of base/error.c; 1 is "found".
statuses=$(sed -n '/^\.Sh EXIT STATUS/,/^\.Sh EXAMPLES/p' "$docs/mfg_gen.1" |
    sed -nE 's/^\.It ([0-9]+)$/\1/p' | tr '\n' ' ')
[ "$statuses" = "0 1 2 3 4 5 6 7 8 " ] || fail "mfg_gen(1) lists exit statuses $statuses"

# Findings: ids and severities of the library's table and of the manual.
sed -nE 's/^ *\[NVS_[A-Z_]+\] *= \{"([a-z-]+)", ([EW]),.*/\1 \2/p' \
    "$top_srcdir/nvs/findings.c" | sed 's/ E$/ error/; s/ W$/ warning/' | sort >"$work/findings"
sed -n '/^\.Sh FINDINGS/,/^\.Sh EXIT STATUS/p' "$docs/mfg_gen-image.1" |
    sed -nE 's/^\.It Cm ([a-z-]+) Pq ([a-z]+)$/\1 \2/p' | sort >"$work/told"
findings=$(wc -l <"$work/findings")
[ "$findings" -ge 40 ] || fail "only $findings findings in nvs/findings.c"
diff "$work/findings" "$work/told" || fail "findings of nvs/findings.c (<) and mfg_gen-image(1) (>) differ"

# The types of values stand in the schema, and each member of the schema in the text.
sed -nE 's/^ *\{EM_NVS_[A-Z0-9]+, *"([a-z0-9]+)"\},$/\1/p' "$top_srcdir/mfg/types.c" |
    sort >"$work/types"
sed -nE '/^    "type": \{/,/\}/p' "$docs/schema/mfg_gen.schema.json" | grep -oE '"[a-z0-9]+"' |
    tr -d '"' | grep -vxE 'type|enum' | sort >"$work/told"
diff "$work/types" "$work/told" || fail "types of mfg/types.c (<) and of the schema (>) differ"
for member in $(grep -ohE '^        "[a-z0-9_]+": ' "$docs/schema/mfg_gen.schema.json" \
    "$docs/schema/mfg_flash.schema.json" "$docs/schema/mfg_flash_line.schema.json" | tr -d '": '); do
    grep -q "\`$member\`" "$docs/json.md" || fail "member $member is not in json.md"
done

# Keys of job and station files: those of the tables for libcyaml and of the manual pages.
for kind in job station; do
    awk -v kind="$kind" '/^\/\* ---- Job/ { in_ = "job" } /^\/\* ---- Station/ { in_ = "station" }
        in_ == kind' "$top_srcdir/src/line/job_schema.c" |
        grep -oE '^ *(TEXT|NEEDED|MAPPING|LIST|CYAML_FIELD_[A-Z_]+)\("[a-z_]+"' |
        sed -E 's/.*"(.*)"/\1/' | sort -u >"$work/keys"
    [ "$(wc -l <"$work/keys")" -ge 12 ] || fail "too few keys of a $kind in job_schema.c"
    while read -r key; do
        grep -qE "^(\.It )?(\.Cm|Cm|\.It Cm) $key|Cm $key( |\$)" "$docs/mfg_$kind.5" ||
            fail "key $key is not in mfg_$kind(5)"
    done <"$work/keys"
    sed -nE 's/^\.It Cm ([a-z_]+).*/\1/p; s/^\.It Cm .* Cm ([a-z_]+) : .*/\1/p' \
        "$docs/mfg_$kind.5" | sort -u | comm -23 - "$work/keys" >"$work/unknown"
    [ ! -s "$work/unknown" ] || fail "mfg_$kind(5) has unknown keys: $(cat "$work/unknown")"
done
# Events of hooks.
sed -nE '/line_event_names\[\]/,/NULL/p' "$top_srcdir/src/line/names.c" | grep -oE '"[a-z-]+"' |
    tr -d '"' | while read -r event; do
    grep -qE "^\.Cm arrived.* $event( |\$)|^\.Cm $event ," "$docs/mfg_station.5" ||
        echo "$event"
done >"$work/unknown"
[ ! -s "$work/unknown" ] || fail "events not in mfg_station(5): $(cat "$work/unknown")"

# Every chip has a row in its document, and nothing else has.
for table in "$top_srcdir"/flasher/chip/tables/*.csv; do
    basename "$table" .csv
done | sort >"$work/chips"
# shellcheck disable=SC2016 # backquotes of Markdown
sed -nE 's/^\| `(esp[0-9a-z]+)` \|.*/\1/p' "$docs/chips.md" | sort >"$work/told"
diff "$work/chips" "$work/told" || fail "chips of flasher/chip/tables (<) and of chips.md (>) differ"

# The C interface: each header has a page, that libespmfg(3) names; the page has each of its
# functions; options say how they begin.
headers=$top_srcdir/include/espmfg
functions=0
for header in "$headers"/*.h; do
    name=$(basename "$header" .h)
    page=${top_builddir:?}/docs/espmfg_$name.3
    grep -q "^\.It Xr espmfg_$name 3" "$docs/libespmfg.3" ||
        fail "libespmfg(3) does not refer to espmfg_$name(3)"
    if [ ! -s "$page" ]; then
        fail "there is no espmfg_$name(3)"
        continue
    fi
    for function in $(grep -v '^#' "$header" | tr '\n' ' ' | grep -oE 'EM_API [^;(]*\(' |
        sed 's/.*[ *]\([a-z0-9_]*\)($/\1/'); do
        functions=$((functions + 1))
        grep -q "$function(" "$page" || fail "$function() is not in espmfg_$name(3)"
    done
    # The comment before a structure of options names its macro, or {0}.
    awk '/^\/\*\*/ { text = "" } { text = text $0 }
        /^struct em_[a-z_]*options \{/ && text !~ /egin with (\* )?(EM_[A-Z_]*_INIT|\{0\})|tart it as/ {
            print $2 }' "$header" >"$work/unsaid"
    [ ! -s "$work/unsaid" ] || fail "$name.h does not say how these begin: $(cat "$work/unsaid")"
done

# No empty row in the map of the interface, and nothing in it that is not there.
awk -F ' *[|] *' '/^\|/ && ($2 == "" || $3 == "" || $4 == "")' "$docs/api.md" >"$work/empty"
[ ! -s "$work/empty" ] || fail "empty cells in api.md: $(cat "$work/empty")"
rows=$(grep -c '^| ' "$docs/api.md")
grep -oE '(em_[a-z0-9_]+\(|struct em_[a-z_]+|enum em_[a-z_]+|EM_[A-Z_]+[A-Z])' "$docs/api.md" |
    sed 's/.* //' | sort -u >"$work/named"
while read -r name; do
    grep -qF -- "$name" "$headers"/*.h || fail "api.md: there is no $name in the headers"
done <"$work/named"
# Those of the Python interface (version 5) that others call.
for name in detect_chip connect_esp run_stub load_ram run reset_chip chip_id get_security_info \
    read_mac attach_flash flash_id read_flash write_flash erase_flash erase_region verify_flash \
    read_flash_status write_flash_status read_flash_sfdp read_mem write_mem dump_mem elf2image \
    image_info merge_bin version; do
    grep -q "^| \`$name\` | \`em_" "$docs/api.md" || fail "api.md has no row for $name"
done

if command -v mandoc >/dev/null 2>&1; then
    for page in "$docs"/*.[1-9] "${top_builddir:?}"/docs/*.[1-9]; do
        # The style level asks for things that only matter in OpenBSD's own tree.
        mandoc -T lint -W warning "$page" || fail "$page: see above"
    done
else
    echo "not checked: the manual pages' syntax (mandoc is missing)"
fi

[ "$failed" -eq 0 ] &&
    echo "docs: $listed commands, $count options, $findings findings, in manuals and completions;" \
        "$functions functions, $rows rows of api.md"
exit "$failed"
