# SPDX-License-Identifier: Apache-2.0
# fish completion for mfg_flash

# The command that is typed: the first word that names one, as options may stand before it.
function __mfg_flash_command
    set -l commands write-flash read-flash verify-flash erase-flash erase-region flash-id read-flash-status \
        write-flash-status read-flash-sfdp read-mac chip-id get-security-info read-mem write-mem \
        dump-mem load-ram run reset image-info elf2image merge-bin partition-table line ports version
    set -l efuses summary dump check-error get-custom-mac adc-info burn-efuse burn-bit burn-block-data \
        burn-key burn-key-digest burn-custom-mac read-protect-efuse write-protect-efuse \
        set-flash-voltage execute-scripts rules
    set -l ledgers init status show list retry release scrap export report check copy
    set -l command
    for word in (commandline -opc)[2..-1]
        if test -n "$command"
            if test "$command" = ledger
                if contains -- $word $ledgers
                    set command "ledger $word"
                end
                continue
            end
            # Of the group efuse, several may stand in one line, and the last counts.
            if contains -- $word $efuses; and string match -q 'efuse*' -- $command
                set command "efuse $word"
            end
        else if test $word = efuse
            set command efuse
        else if test $word = ledger
            set command ledger
        else if contains -- $word $commands
            echo $word
            return
        end
    end
    echo $command
end

# Is it one of the group efuse?
function __mfg_flash_efuse
    string match -q 'efuse*' -- (__mfg_flash_command)
end

# Is it one of the group ledger that has its option?
function __mfg_flash_ledger
    string match -q 'ledger ?*' -- (__mfg_flash_command)
    and not __mfg_flash_is 'ledger copy'
end

# Is none typed yet?
function __mfg_flash_none
    test -z (__mfg_flash_command)
end

# Is it one of these?
function __mfg_flash_is
    set -l command (__mfg_flash_command)
    contains -- "$command" $argv
end

complete -c mfg_flash -f -n __mfg_flash_none -a write-flash -d 'Write files into the flash'
complete -c mfg_flash -f -n __mfg_flash_none -a read-flash -d 'Read flash into a file'
complete -c mfg_flash -f -n __mfg_flash_none -a verify-flash -d 'Compare the flash with files'
complete -c mfg_flash -f -n __mfg_flash_none -a erase-flash -d 'Erase all of the flash'
complete -c mfg_flash -f -n __mfg_flash_none -a erase-region -d 'Erase some sectors'
complete -c mfg_flash -f -n __mfg_flash_none -a flash-id -d 'Manufacturer, type and size of the flash'
complete -c mfg_flash -f -n __mfg_flash_none -a read-flash-status -d 'Status registers of the flash'
complete -c mfg_flash -f -n __mfg_flash_none -a write-flash-status -d 'Write the status registers'
complete -c mfg_flash -f -n __mfg_flash_none -a read-flash-sfdp -d 'Bytes of the description of the flash'
complete -c mfg_flash -f -n __mfg_flash_none -a read-mac -d 'The MAC address'
complete -c mfg_flash -f -n __mfg_flash_none -a chip-id -d 'The chip id of an ESP8266'
complete -c mfg_flash -f -n __mfg_flash_none -a get-security-info -d 'What protects the chip'
complete -c mfg_flash -f -n __mfg_flash_none -a read-mem -d 'One word of memory'
complete -c mfg_flash -f -n __mfg_flash_none -a write-mem -d 'Write one word of memory'
complete -c mfg_flash -f -n __mfg_flash_none -a dump-mem -d 'Read memory into a file'
complete -c mfg_flash -f -n __mfg_flash_none -a load-ram -d 'Load an image into RAM and run it'
complete -c mfg_flash -f -n __mfg_flash_none -a run -d 'Run the program in flash'
complete -c mfg_flash -f -n __mfg_flash_none -a reset -d 'Leave the loader again'
complete -c mfg_flash -f -n __mfg_flash_none -a image-info -d 'What a firmware image is'
complete -c mfg_flash -f -n __mfg_flash_none -a elf2image -d 'Make an image of an ELF file'
complete -c mfg_flash -f -n __mfg_flash_none -a merge-bin -d 'Merge files for the flash'
complete -c mfg_flash -f -n __mfg_flash_none -a partition-table -d 'Check and convert a partition table'
complete -c mfg_flash -f -n __mfg_flash_none -a line -d 'Make the units of a job, many at once'
complete -c mfg_flash -f -n __mfg_flash_none -a ports -d 'List the serial ports'
complete -c mfg_flash -f -n __mfg_flash_none -a version -d 'The version'
complete -c mfg_flash -f -n __mfg_flash_none -a efuse -d 'Read, burn and protect eFuses'
complete -c mfg_flash -f -n __mfg_flash_none -a help -d 'Help of a command'
complete -c mfg_flash -f -n __mfg_flash_none -l version -d 'Version of espmfg'
complete -c mfg_flash -f -n '__mfg_flash_is erase-flash erase-region flash-id read-flash-status write-flash-status read-flash-sfdp read-mac chip-id get-security-info read-mem write-mem run reset ports version'

# Before a command or behind it
complete -c mfg_flash -s c -l chip -x -a 'auto esp8266 esp32 esp32s2 esp32s3 esp32c2 esp32c3 esp32c5 esp32c6 esp32c61 esp32h2 esp32p4' -d 'Chip that has to answer'
complete -c mfg_flash -n __mfg_flash_none -s p -d 'Serial port or address'
complete -c mfg_flash -l port -x -a '(path filter -- /dev/ttyUSB* /dev/ttyACM* 2>/dev/null) socket:// rfc2217:// sim:' -d 'Serial port or address'
complete -c mfg_flash -l port-filter -x -d 'Which ports to try'
complete -c mfg_flash -s b -l baud -x -a '115200 230400 460800 921600 1500000 2000000' -d 'Rate'
complete -c mfg_flash -l before -x -a 'default-reset usb-reset no-reset no-reset-no-sync' -d 'How to enter the loader'
complete -c mfg_flash -s a -l after -x -a 'hard-reset soft-reset no-reset no-reset-stub watchdog-reset' -d 'How to leave it'
complete -c mfg_flash -l connect-attempts -x -d 'Tries to connect'
complete -c mfg_flash -l no-stub -d 'Talk to the ROM only'
complete -c mfg_flash -l stub -r -F -d 'Stub loader to use'
complete -c mfg_flash -l partition-table -r -F -d 'Names and limits of partitions'
complete -c mfg_flash -s t -l trace -d 'What goes over the wire'
complete -c mfg_flash -l progress -x -a 'auto always never' -d 'Bar'
complete -c mfg_flash -s v -l verbose -d 'Tell more'
complete -c mfg_flash -s q -l quiet -d 'Only faults'
complete -c mfg_flash -n __mfg_flash_none -s s -d 'Only faults'
complete -c mfg_flash -l silent -d 'Only faults'
complete -c mfg_flash -l json -d 'One JSON object on stdout'
complete -c mfg_flash -s h -l help -f -d Help

# Of commands
complete -c mfg_flash -n '__mfg_flash_is write-flash' -s e -l erase-all -d 'Erase all first'
complete -c mfg_flash -n '__mfg_flash_is write-flash' -l encrypt -d 'The chip encrypts'
complete -c mfg_flash -n '__mfg_flash_is write-flash' -l encrypt-files -r -F -d 'More files, encrypted'
complete -c mfg_flash -n '__mfg_flash_is write-flash' -l ignore-flash-enc-efuse -d 'Encrypt whatever the eFuses say'
complete -c mfg_flash -n '__mfg_flash_is write-flash' -s z -l compress -d 'Send compressed'
complete -c mfg_flash -n '__mfg_flash_is write-flash' -s u -l no-compress -d 'Send as it is'
complete -c mfg_flash -n '__mfg_flash_is write-flash' -s s -l skip-flashed -d 'Leave out what is there already'
complete -c mfg_flash -n '__mfg_flash_is write-flash' -l diff-with -r -F -d 'What the flash holds now'
complete -c mfg_flash -n '__mfg_flash_is write-flash' -l no-diff-verify -d 'Trust --diff-with'
complete -c mfg_flash -n '__mfg_flash_is write-flash erase-flash erase-region elf2image' -l force -d 'Do what is refused for safety'
complete -c mfg_flash -n '__mfg_flash_is write-flash read-flash' -s p -l no-progress -d 'No bar'
complete -c mfg_flash -n '__mfg_flash_is write-flash read-flash verify-flash read-flash-sfdp elf2image merge-bin' -o fs -l flash-size -x -a 'detect keep 256KB 512KB 1MB 2MB 2MB-c1 4MB 4MB-c1 8MB 16MB 32MB 64MB 128MB' -d 'Size of the flash'
complete -c mfg_flash -n '__mfg_flash_is write-flash verify-flash read-flash-sfdp elf2image merge-bin' -o fm -l flash-mode -x -a 'keep qio qout dio dout' -d 'Mode in boot images'
complete -c mfg_flash -n '__mfg_flash_is write-flash verify-flash read-flash-sfdp elf2image merge-bin' -o ff -l flash-freq -x -a 'keep 80m 60m 48m 40m 30m 26m 24m 20m 16m 15m 12m' -d 'Frequency in boot images'
complete -c mfg_flash -n '__mfg_flash_is write-flash read-flash verify-flash erase-flash erase-region flash-id read-flash-status write-flash-status read-flash-sfdp' -o sc -l spi-connection -x -a 'SPI HSPI' -d 'Pins of the flash'
complete -c mfg_flash -n '__mfg_flash_is verify-flash' -s d -l diff -d 'List bytes that differ'
complete -c mfg_flash -n '__mfg_flash_is read-flash-status write-flash-status' -l bytes -x -a '1 2 3' -d 'How many registers'
complete -c mfg_flash -n '__mfg_flash_is write-flash-status' -l non-volatile -d 'Keep it without power'
complete -c mfg_flash -n '__mfg_flash_is elf2image merge-bin' -s o -l output -r -F -d 'What to write'
complete -c mfg_flash -n '__mfg_flash_is elf2image' -s e -l version -x -a '1 2 3' -d 'Version, of an ESP8266'
complete -c mfg_flash -n '__mfg_flash_is elf2image' -l min-rev-full -x -d 'Lowest revision of the chip'
complete -c mfg_flash -n '__mfg_flash_is elf2image' -l max-rev-full -x -d 'Highest revision of the chip'
complete -c mfg_flash -n '__mfg_flash_is elf2image' -l secure-pad -d 'Room for secure boot V1'
complete -c mfg_flash -n '__mfg_flash_is elf2image' -l secure-pad-v2 -d 'Room for secure boot V2'
complete -c mfg_flash -n '__mfg_flash_is elf2image' -l elf-sha256-offset -x -d 'Where the SHA-256 of ELF goes'
complete -c mfg_flash -n '__mfg_flash_is elf2image' -l dont-append-digest -d 'No SHA-256 at the end'
complete -c mfg_flash -n '__mfg_flash_is elf2image' -l use-segments -d 'Segments, not sections'
complete -c mfg_flash -n '__mfg_flash_is elf2image' -l flash-mmu-page-size -x -a '64KB 32KB 16KB 8KB' -d 'Page of mapped flash'
complete -c mfg_flash -n '__mfg_flash_is elf2image merge-bin' -l pad-to-size -x -a '256KB 512KB 1MB 2MB 4MB 8MB 16MB 32MB 64MB 128MB' -d '0xFF up to this size'
complete -c mfg_flash -n '__mfg_flash_is elf2image' -l ram-only-header -d 'The ROM sees only what goes into RAM'
complete -c mfg_flash -n '__mfg_flash_is merge-bin' -s f -l format -x -a 'raw hex uf2' -d 'Form of the file'
complete -c mfg_flash -n '__mfg_flash_is merge-bin' -s t -l target-offset -x -d 'Address of the first byte'
complete -c mfg_flash -n '__mfg_flash_is merge-bin' -l chunk-size -x -d 'Bytes in a block of UF2'
complete -c mfg_flash -n '__mfg_flash_is merge-bin' -l md5-disable -d 'No MD5 in blocks of UF2'
complete -c mfg_flash -n '__mfg_flash_is partition-table' -s o -l offset -x -d 'Where the table is'
complete -c mfg_flash -n '__mfg_flash_is partition-table' -l flash-size -x -a '1MB 2MB 4MB 8MB 16MB 32MB' -d 'Partitions end within it'
complete -c mfg_flash -n '__mfg_flash_is partition-table' -l to -x -a 'csv binary' -d 'Form of the output'
complete -c mfg_flash -n '__mfg_flash_is partition-table' -l disable-md5sum -d 'A binary table without an MD5'

# efuse
complete -c mfg_flash -f -n __mfg_flash_efuse -a summary -d 'Fields and what they mean'
complete -c mfg_flash -f -n __mfg_flash_efuse -a dump -d 'All blocks'
complete -c mfg_flash -f -n __mfg_flash_efuse -a check-error -d 'Coding errors'
complete -c mfg_flash -f -n __mfg_flash_efuse -a get-custom-mac -d 'The MAC of your own'
complete -c mfg_flash -f -n __mfg_flash_efuse -a adc-info -d 'Calibration of the ADC'
complete -c mfg_flash -f -n __mfg_flash_efuse -a burn-efuse -d 'Burn fields by name'
complete -c mfg_flash -f -n __mfg_flash_efuse -a burn-bit -d 'Burn bits by number'
complete -c mfg_flash -f -n __mfg_flash_efuse -a burn-block-data -d 'Burn data into blocks'
complete -c mfg_flash -f -n __mfg_flash_efuse -a burn-key -d 'Burn keys'
complete -c mfg_flash -f -n __mfg_flash_efuse -a burn-key-digest -d 'Burn digests of keys'
complete -c mfg_flash -f -n __mfg_flash_efuse -a burn-custom-mac -d 'Burn a MAC of your own'
complete -c mfg_flash -f -n __mfg_flash_efuse -a read-protect-efuse -d 'Let no software read fields'
complete -c mfg_flash -f -n __mfg_flash_efuse -a write-protect-efuse -d 'Let nothing be burned into fields'
complete -c mfg_flash -f -n __mfg_flash_efuse -a set-flash-voltage -d 'Fix the voltage of the flash'
complete -c mfg_flash -f -n __mfg_flash_efuse -a rules -d 'List what is refused or warned of'
complete -c mfg_flash -f -n __mfg_flash_efuse -a execute-scripts -d 'Run scripts that say what to burn'
complete -c mfg_flash -n __mfg_flash_efuse -l virt -d 'A virtual chip'
complete -c mfg_flash -n __mfg_flash_efuse -l path-efuse-file -r -F -d 'eFuses of the virtual chip'
complete -c mfg_flash -n __mfg_flash_efuse -l do-not-confirm -d 'Do not ask for BURN'
complete -c mfg_flash -n __mfg_flash_efuse -l dry-run -d 'Show the plan and its hash, burn nothing'
complete -c mfg_flash -n __mfg_flash_efuse -l approve -x -d 'Burn the plan with this hash'
complete -c mfg_flash -n __mfg_flash_efuse -l override -x -d 'Burn what this rule refuses'
complete -c mfg_flash -n __mfg_flash_efuse -l strict -d 'It is a fault if all is burned already'
complete -c mfg_flash -n __mfg_flash_efuse -l postpone -d 'Burn last what may cut off'
complete -c mfg_flash -n __mfg_flash_efuse -l no-postpone -d 'Burn BLOCK0 in one go'
complete -c mfg_flash -n __mfg_flash_efuse -l extend-efuse-table -r -F -d 'Fields of your own'
complete -c mfg_flash -n __mfg_flash_efuse -l show-sensitive-info -d 'Show bytes of keys'
complete -c mfg_flash -n __mfg_flash_efuse -s d -l debug -d 'Tell more'
complete -c mfg_flash -n '__mfg_flash_is "efuse summary"' -l format -x -a 'summary json value-only' -d How
complete -c mfg_flash -n '__mfg_flash_is "efuse summary"' -l file -r -F -d 'Write into a file'
complete -c mfg_flash -n '__mfg_flash_is "efuse summary"' -l active -d 'Only what is burned or protected'
complete -c mfg_flash -n '__mfg_flash_is "efuse dump"' -l format -x -a 'default split joint' -d How
complete -c mfg_flash -n '__mfg_flash_is "efuse dump"' -l file-name -r -F -d 'Write into files'
complete -c mfg_flash -n '__mfg_flash_is "efuse check-error"' -l recovery -d 'Complete weak bits'
complete -c mfg_flash -n '__mfg_flash_is "efuse burn-efuse"' -l force -d 'Even if both USB ports are lost'
complete -c mfg_flash -n '__mfg_flash_is "efuse burn-block-data"' -s o -l offset -x -d 'Where in the block'
complete -c mfg_flash -n '__mfg_flash_is "efuse burn-key" "efuse burn-key-digest"' -l no-read-protect -d 'Let software read it'
complete -c mfg_flash -n '__mfg_flash_is "efuse burn-key" "efuse burn-key-digest"' -l no-write-protect -d 'Let more be burned'
complete -c mfg_flash -n '__mfg_flash_is "efuse burn-key" "efuse burn-key-digest"' -l no-protect-key -d 'Both'
complete -c mfg_flash -n '__mfg_flash_is "efuse execute-scripts"' -l index -x -d 'Number of the unit'
complete -c mfg_flash -n '__mfg_flash_is "efuse execute-scripts"' -l configfiles -r -F -d 'JSON or text for the scripts'
complete -c mfg_flash -n '__mfg_flash_is "efuse burn-bit" "efuse burn-block-data" "efuse burn-key" "efuse burn-key-digest" "efuse burn-custom-mac"' -l force-write-always -d 'Burn whatever is there'

# line
complete -c mfg_flash -n '__mfg_flash_is line' -l station -r -F -d 'Slots, rates and hooks of this PC'
complete -c mfg_flash -n '__mfg_flash_is line' -l ports -x -d 'Ports with commas between them'
complete -c mfg_flash -n '__mfg_flash_is line' -l all -d 'All serial ports'
complete -c mfg_flash -n '__mfg_flash_is line' -l watch -d 'Take each board that is plugged in'
complete -c mfg_flash -n '__mfg_flash_is line' -l count -x -d 'End after so many that passed'
complete -c mfg_flash -n '__mfg_flash_is line' -l ledger -r -F -d 'Who got what'
complete -c mfg_flash -n '__mfg_flash_is line' -l check -d 'Print values and plan, touch nothing'
complete -c mfg_flash -n '__mfg_flash_is line' -l approve -x -d 'Hash of the plan to burn'
complete -c mfg_flash -n '__mfg_flash_is line' -l simulate -d 'The rehearsal'
complete -c mfg_flash -n '__mfg_flash_is line' -l boards -r -F -d 'Folder of simulated boards'
complete -c mfg_flash -n '__mfg_flash_is line' -l rounds -x -d 'Simulated boards of each slot'
complete -c mfg_flash -n '__mfg_flash_is line' -l http -x -a 127.0.0.1:8080 -d 'Show the line to browsers'
complete -c mfg_flash -n '__mfg_flash_is line' -l http-token-file -r -F -d 'Token that they need'

# ledger
complete -c mfg_flash -f -n __mfg_flash_none -a ledger -d 'Which board got which unit'
complete -c mfg_flash -f -n '__mfg_flash_is ledger' -a init -d 'Begin the ledger of a batch'
complete -c mfg_flash -f -n '__mfg_flash_is ledger' -a status -d 'How far the batch is'
complete -c mfg_flash -f -n '__mfg_flash_is ledger' -a show -d 'All that is known of a unit or board'
complete -c mfg_flash -f -n '__mfg_flash_is ledger' -a list -d 'List units'
complete -c mfg_flash -f -n '__mfg_flash_is ledger' -a retry -d 'Try a stopped board again'
complete -c mfg_flash -f -n '__mfg_flash_is ledger' -a release -d 'Take a unit from its board'
complete -c mfg_flash -f -n '__mfg_flash_is ledger' -a scrap -d 'Give a board up for good'
complete -c mfg_flash -f -n '__mfg_flash_is ledger' -a export -d 'Events or units as CSV or JSON lines'
complete -c mfg_flash -f -n '__mfg_flash_is ledger' -a report -d 'How the batch went, as an HTML page'
complete -c mfg_flash -f -n '__mfg_flash_is ledger' -a check -d 'Prove the promises'
complete -c mfg_flash -f -n '__mfg_flash_is ledger' -a copy -d 'Copy it to a file or a server'
complete -c mfg_flash -F -n "__mfg_flash_is 'ledger copy'"
complete -c mfg_flash -n __mfg_flash_ledger -l ledger -r -d 'The ledger'
complete -c mfg_flash -n "__mfg_flash_is 'ledger init'" -l name -x -d 'Of the batch'
complete -c mfg_flash -n "__mfg_flash_is 'ledger init'" -l units -x -d 'How many'
complete -c mfg_flash -n "__mfg_flash_is 'ledger retry' 'ledger release' 'ledger scrap'" -l reason -x -d 'Why'
complete -c mfg_flash -n "__mfg_flash_is 'ledger list'" -l state -x -a 'free claimed flashed burning burned done' -d 'Only these'
complete -c mfg_flash -n "__mfg_flash_is 'ledger list'" -l stopped -d 'Only those that failed too often'
complete -c mfg_flash -n "__mfg_flash_is 'ledger export'" -l format -x -a 'csv jsonl' -d 'How'
complete -c mfg_flash -n "__mfg_flash_is 'ledger export'" -l events -d 'Every event'
complete -c mfg_flash -n "__mfg_flash_is 'ledger export'" -l units -d 'Every unit'
complete -c mfg_flash -n "__mfg_flash_is 'ledger export' 'ledger report'" -s o -l output -r -d 'Write it into a file'
complete -c mfg_flash -n "__mfg_flash_is 'ledger report'" -l since -x -d 'Only what happened since'
complete -c mfg_flash -n "__mfg_flash_is 'ledger report'" -l title -x -d 'What stands at its top'
