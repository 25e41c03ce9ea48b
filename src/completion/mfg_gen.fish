# SPDX-License-Identifier: Apache-2.0
# fish completion for mfg_gen

# Which command is typed: its words, as "image dump".
function __mfg_gen_command
    set -l words (commandline -opc)
    set -e words[1]
    if test (count $words) -ge 2 -a "$words[1]" = image
        echo "image $words[2]"
    else if test (count $words) -ge 1
        echo $words[1]
    end
end

# Is it one of these?
function __mfg_gen_is
    set -l command (__mfg_gen_command)
    contains -- "$command" $argv
end

# Are exactly these words typed behind the program's name?
function __mfg_gen_typed
    set -l words (commandline -opc)
    set -e words[1]
    test "$words" = "$argv"
end

complete -c mfg_gen -f -n __fish_use_subcommand -a generate -d 'Everything for every unit'
complete -c mfg_gen -f -n __fish_use_subcommand -a generate-key -d 'One key file'
complete -c mfg_gen -f -n __fish_use_subcommand -a verify -d 'Verify a whole batch'
complete -c mfg_gen -f -n __fish_use_subcommand -a unseal -d 'Open sealed key files'
complete -c mfg_gen -f -n __fish_use_subcommand -a image -d 'One NVS image'
complete -c mfg_gen -f -n __fish_use_subcommand -a flash-encrypt -d 'Encrypt data for flash'
complete -c mfg_gen -f -n __fish_use_subcommand -a flash-decrypt -d 'Decrypt what was in flash'
complete -c mfg_gen -f -n __fish_use_subcommand -a generate-flash-key -d 'A flash encryption key'
complete -c mfg_gen -f -n __fish_use_subcommand -a help -d 'Help of a command'
complete -c mfg_gen -f -n __fish_use_subcommand -l version -d 'Version of espmfg'
complete -c mfg_gen -f -n '__mfg_gen_typed help' -a 'generate generate-key verify unseal image flash-encrypt flash-decrypt generate-flash-key'

# image
complete -c mfg_gen -f -n '__mfg_gen_typed image; or __mfg_gen_typed help image' -a generate -d 'An image from tables'
complete -c mfg_gen -f -n '__mfg_gen_typed image; or __mfg_gen_typed help image' -a encrypt -d 'An encrypted image from tables'
complete -c mfg_gen -f -n '__mfg_gen_typed image; or __mfg_gen_typed help image' -a decrypt -d 'Decrypt an image'
complete -c mfg_gen -f -n '__mfg_gen_typed image; or __mfg_gen_typed help image' -a generate-key -d 'One key file'
complete -c mfg_gen -f -n '__mfg_gen_typed image; or __mfg_gen_typed help image' -a dump -d 'What is in an image'
complete -c mfg_gen -f -n '__mfg_gen_typed image; or __mfg_gen_typed help image' -a get -d 'One value'
complete -c mfg_gen -f -n '__mfg_gen_typed image; or __mfg_gen_typed help image' -a check -d 'What a device would refuse or lose'
complete -c mfg_gen -f -n '__mfg_gen_typed image; or __mfg_gen_typed help image' -a diff -d 'Compare two images, or an image and a table'

# All commands
complete -c mfg_gen -n '__mfg_gen_is generate generate-key flash-encrypt flash-decrypt generate-flash-key "image generate" "image encrypt" "image decrypt" "image generate-key" "image dump" "image get" "image check" "image diff"' -s h -l help -f -d Help
complete -c mfg_gen -n '__mfg_gen_is generate generate-key flash-encrypt flash-decrypt generate-flash-key "image generate" "image encrypt" "image decrypt" "image generate-key" "image dump" "image get" "image check" "image diff"' -s q -l quiet -d 'Only faults'
complete -c mfg_gen -n '__mfg_gen_is generate generate-key flash-encrypt flash-decrypt generate-flash-key "image generate" "image encrypt" "image decrypt" "image generate-key" "image dump" "image get" "image check" "image diff"' -l json -d 'One JSON object'

# Several
complete -c mfg_gen -n '__mfg_gen_is generate generate-key "image generate" "image encrypt" "image decrypt" "image generate-key"' -l outdir -x -a '(__fish_complete_directories)' -d 'Folder for what is made'
complete -c mfg_gen -n '__mfg_gen_is generate generate-key "image encrypt" "image generate-key"' -l key_protect_hmac -d 'Derive from an HMAC key'
complete -c mfg_gen -n '__mfg_gen_is generate generate-key "image encrypt" "image generate-key"' -l kp_hmac_keygen -d 'Make a new HMAC key'
complete -c mfg_gen -n '__mfg_gen_is generate generate-key "image encrypt" "image generate-key"' -l kp_hmac_keyfile -x -d 'Name of the HMAC key file'
complete -c mfg_gen -n '__mfg_gen_is generate generate-key "image encrypt" "image generate-key" "image dump" "image get" "image check" "image diff"' -l kp_hmac_inputkey -r -d 'HMAC key to derive from'
complete -c mfg_gen -n '__mfg_gen_is generate "image encrypt" "image dump" "image get" "image check" "image diff"' -l inputkey -r -d 'Key to use'
complete -c mfg_gen -n '__mfg_gen_is generate "image generate" "image encrypt"' -l version -x -a '1 2' -d 'NVS format'
complete -c mfg_gen -n '__mfg_gen_is generate "image encrypt"' -l keygen -d 'Encrypt with a new key'
complete -c mfg_gen -n '__mfg_gen_is generate-key "image encrypt" "image generate-key"' -l keyfile -x -d 'Name of the key file'
complete -c mfg_gen -n '__mfg_gen_is "image generate" "image encrypt"' -l no-wifi-extras -d 'Only what the tables say'
complete -c mfg_gen -n '__mfg_gen_is "image generate" "image encrypt" "image decrypt"' -l replace -d 'Replace an OUTPUT that differs'
complete -c mfg_gen -n '__mfg_gen_is "image dump" "image diff"' -l show-values -d 'Of an encrypted image too'
complete -c mfg_gen -n '__mfg_gen_is "image dump"' -l format -x -a 'table csv json' -d How
complete -c mfg_gen -n '__mfg_gen_is "image dump"' -l raw -d 'Pages and states of entries'
complete -c mfg_gen -n '__mfg_gen_is "image get"' -l bytes -d 'The bytes as they are'
complete -c mfg_gen -n '__mfg_gen_is "image diff"' -l inputkey-b -r -d 'Key of the second'
complete -c mfg_gen -n '__mfg_gen_is "image diff"' -l kp_hmac_inputkey-b -r -d 'HMAC key of the second'

# generate
complete -c mfg_gen -n '__mfg_gen_is generate' -l prefix_num -x -d 'Counter: START LENGTH'
complete -c mfg_gen -n '__mfg_gen_is generate' -l fileid -x -d 'Column that ends file names'
complete -c mfg_gen -n '__mfg_gen_is generate' -s j -l jobs -x -d Threads
complete -c mfg_gen -n '__mfg_gen_is generate' -s n -l dry-run -d 'Check, write nothing'
complete -c mfg_gen -n '__mfg_gen_is generate' -l resume -d 'Continue an interrupted run'
complete -c mfg_gen -n '__mfg_gen_is generate' -l rows -x -d 'Units A-B'
complete -c mfg_gen -n '__mfg_gen_is generate' -l shard -x -d 'Unit I of each N'
complete -c mfg_gen -n '__mfg_gen_is generate' -l seal -r -d 'Seal key files to a certificate'
complete -c mfg_gen -n '__mfg_gen_is generate' -l no-csv -d 'No intermediate CSV'
complete -c mfg_gen -n '__mfg_gen_is generate' -l manifest -r -d 'List of what is made'
complete -c mfg_gen -n '__mfg_gen_is generate' -l progress -x -a 'auto always never' -d Bar
complete -c mfg_gen -n '__mfg_gen_is generate' -s v -l verbose -d 'Tell each file'

# verify
complete -c mfg_gen -n '__mfg_gen_is verify' -l config -r -d 'Config CSV'
complete -c mfg_gen -n '__mfg_gen_is verify' -l values -r -d 'Values CSV'
complete -c mfg_gen -n '__mfg_gen_is verify' -l manifest -r -d 'Manifest of the batch'
complete -c mfg_gen -n '__mfg_gen_is verify' -l prefix -x -d 'What file names begin with'
complete -c mfg_gen -n '__mfg_gen_is verify' -l prefix_num -x -d 'Counter: START LENGTH'
complete -c mfg_gen -n '__mfg_gen_is verify' -l fileid -x -d 'Column that ends file names'
complete -c mfg_gen -n '__mfg_gen_is verify' -l version -x -a '1 2' -d 'NVS format'
complete -c mfg_gen -n '__mfg_gen_is verify' -l inputkey -r -d 'Key of all images'
complete -c mfg_gen -n '__mfg_gen_is verify' -l kp_hmac_inputkey -r -d 'HMAC key of all images'
complete -c mfg_gen -n '__mfg_gen_is verify' -l unseal-key -r -d 'Opens sealed keys'
complete -c mfg_gen -n '__mfg_gen_is verify unseal' -l passphrase-file -r -d 'Has its passphrase'
complete -c mfg_gen -n '__mfg_gen_is verify unseal' -l passphrase-fd -x -d 'Descriptor with the passphrase'
complete -c mfg_gen -n '__mfg_gen_is verify' -s j -l jobs -x -d Threads
complete -c mfg_gen -n '__mfg_gen_is verify' -l rows -x -d 'Units A-B'
complete -c mfg_gen -n '__mfg_gen_is verify' -l shard -x -d 'Unit I of each N'
complete -c mfg_gen -n '__mfg_gen_is verify' -l no-csv -d 'No intermediate CSV'
complete -c mfg_gen -n '__mfg_gen_is verify' -l progress -x -a 'auto always never' -d Bar
complete -c mfg_gen -n '__mfg_gen_is verify' -s q -l quiet -d 'Only faults'
complete -c mfg_gen -n '__mfg_gen_is verify' -l json -d 'One JSON object'
complete -c mfg_gen -n '__mfg_gen_is verify' -s h -l help -f -d Help

# Flash encryption
complete -c mfg_gen -n '__mfg_gen_is flash-encrypt flash-decrypt' -s k -l keyfile -r -d 'Flash encryption key'
complete -c mfg_gen -n '__mfg_gen_is flash-encrypt flash-decrypt' -s a -l address -x -d 'Of the first byte'
complete -c mfg_gen -n '__mfg_gen_is flash-encrypt flash-decrypt' -s o -l output -r -d 'File to make'
complete -c mfg_gen -n '__mfg_gen_is flash-encrypt flash-decrypt' -s x -l aes-xts -d 'All chips but the ESP32'
complete -c mfg_gen -n '__mfg_gen_is flash-encrypt flash-decrypt' -l flash-crypt-conf -x -d 'FLASH_CRYPT_CONFIG of the ESP32'
complete -c mfg_gen -n '__mfg_gen_is generate-flash-key' -s l -l keylen -x -a '128 192 256 512' -d Bits

# unseal
complete -c mfg_gen -n '__mfg_gen_is unseal' -l key -r -d 'Private key of a recipient'
complete -c mfg_gen -n '__mfg_gen_is unseal' -l outdir -x -a '(__fish_complete_directories)' -d 'Folder for the keys'
complete -c mfg_gen -n '__mfg_gen_is unseal' -s q -l quiet -d 'Only faults'
complete -c mfg_gen -n '__mfg_gen_is unseal' -l json -d 'One JSON object'
complete -c mfg_gen -n '__mfg_gen_is unseal' -s h -l help -d Help
