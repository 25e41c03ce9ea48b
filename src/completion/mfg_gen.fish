# SPDX-License-Identifier: Apache-2.0
# fish completion for mfg_gen

complete -c mfg_gen -f -n __fish_use_subcommand -a generate -d 'Everything for every unit'
complete -c mfg_gen -f -n __fish_use_subcommand -a generate-key -d 'One key file'
complete -c mfg_gen -f -n __fish_use_subcommand -a verify -d 'Verify a whole batch'
complete -c mfg_gen -f -n __fish_use_subcommand -a help -d 'Help of a command'
complete -c mfg_gen -f -n __fish_use_subcommand -l version -d 'Version of espmfg'
complete -c mfg_gen -f -n '__fish_seen_subcommand_from help' -a 'generate generate-key verify'

# Both commands.
complete -c mfg_gen -n '__fish_seen_subcommand_from generate generate-key' -s h -l help -f -d Help
complete -c mfg_gen -n '__fish_seen_subcommand_from generate generate-key' -l outdir -x -a '(__fish_complete_directories)' -d 'Folder for bin, csv, keys'
complete -c mfg_gen -n '__fish_seen_subcommand_from generate generate-key' -l key_protect_hmac -d 'Derive from an HMAC key'
complete -c mfg_gen -n '__fish_seen_subcommand_from generate generate-key' -l kp_hmac_keygen -d 'Make a new HMAC key'
complete -c mfg_gen -n '__fish_seen_subcommand_from generate generate-key' -l kp_hmac_keyfile -x -d 'Name of the HMAC key file'
complete -c mfg_gen -n '__fish_seen_subcommand_from generate generate-key' -l kp_hmac_inputkey -r -d 'HMAC key for all'
complete -c mfg_gen -n '__fish_seen_subcommand_from generate generate-key' -s q -l quiet -d 'Only faults'
complete -c mfg_gen -n '__fish_seen_subcommand_from generate generate-key' -l json -d 'One JSON object'

# generate
complete -c mfg_gen -n '__fish_seen_subcommand_from generate' -l prefix_num -x -d 'Counter: START LENGTH'
complete -c mfg_gen -n '__fish_seen_subcommand_from generate' -l fileid -x -d 'Column that ends file names'
complete -c mfg_gen -n '__fish_seen_subcommand_from generate' -l version -x -a '1 2' -d 'NVS format'
complete -c mfg_gen -n '__fish_seen_subcommand_from generate' -l keygen -d 'Encrypt, a key for each unit'
complete -c mfg_gen -n '__fish_seen_subcommand_from generate' -l inputkey -r -d 'Encrypt with this key'
complete -c mfg_gen -n '__fish_seen_subcommand_from generate' -s j -l jobs -x -d Threads
complete -c mfg_gen -n '__fish_seen_subcommand_from generate' -s n -l dry-run -d 'Check, write nothing'
complete -c mfg_gen -n '__fish_seen_subcommand_from generate' -l resume -d 'Continue an interrupted run'
complete -c mfg_gen -n '__fish_seen_subcommand_from generate' -l rows -x -d 'Units A-B'
complete -c mfg_gen -n '__fish_seen_subcommand_from generate' -l shard -x -d 'Unit I of each N'
complete -c mfg_gen -n '__fish_seen_subcommand_from generate' -l no-csv -d 'No intermediate CSV'
complete -c mfg_gen -n '__fish_seen_subcommand_from generate' -l manifest -r -d 'List of what is made'
complete -c mfg_gen -n '__fish_seen_subcommand_from generate' -l progress -x -a 'auto always never' -d Bar
complete -c mfg_gen -n '__fish_seen_subcommand_from generate' -s v -l verbose -d 'Tell each file'

# generate-key
complete -c mfg_gen -n '__fish_seen_subcommand_from generate-key' -l keyfile -x -d 'Name of the key file'

# verify
complete -c mfg_gen -n '__fish_seen_subcommand_from verify' -l config -r -d 'Config CSV'
complete -c mfg_gen -n '__fish_seen_subcommand_from verify' -l values -r -d 'Values CSV'
complete -c mfg_gen -n '__fish_seen_subcommand_from verify' -l manifest -r -d 'Manifest of the batch'
complete -c mfg_gen -n '__fish_seen_subcommand_from verify' -l prefix -x -d 'What file names begin with'
complete -c mfg_gen -n '__fish_seen_subcommand_from verify' -l prefix_num -x -d 'Counter: START LENGTH'
complete -c mfg_gen -n '__fish_seen_subcommand_from verify' -l fileid -x -d 'Column that ends file names'
complete -c mfg_gen -n '__fish_seen_subcommand_from verify' -l version -x -a '1 2' -d 'NVS format'
complete -c mfg_gen -n '__fish_seen_subcommand_from verify' -l inputkey -r -d 'Key of all images'
complete -c mfg_gen -n '__fish_seen_subcommand_from verify' -l kp_hmac_inputkey -r -d 'HMAC key of all images'
complete -c mfg_gen -n '__fish_seen_subcommand_from verify' -s j -l jobs -x -d Threads
complete -c mfg_gen -n '__fish_seen_subcommand_from verify' -l rows -x -d 'Units A-B'
complete -c mfg_gen -n '__fish_seen_subcommand_from verify' -l shard -x -d 'Unit I of each N'
complete -c mfg_gen -n '__fish_seen_subcommand_from verify' -l no-csv -d 'No intermediate CSV'
complete -c mfg_gen -n '__fish_seen_subcommand_from verify' -l progress -x -a 'auto always never' -d Bar
complete -c mfg_gen -n '__fish_seen_subcommand_from verify' -s q -l quiet -d 'Only faults'
complete -c mfg_gen -n '__fish_seen_subcommand_from verify' -l json -d 'One JSON object'
complete -c mfg_gen -n '__fish_seen_subcommand_from verify' -s h -l help -f -d Help
