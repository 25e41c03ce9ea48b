# SPDX-License-Identifier: Apache-2.0
# fish completion for mfg_sim

complete -c mfg_sim -f
complete -c mfg_sim -l chip -x -a 'esp8266 esp32 esp32s2 esp32s3 esp32c2 esp32c3 esp32c5 esp32c6 esp32c61 esp32h2 esp32h21 esp32h4 esp32p4 esp32s31 esp32e22' -d 'Which chip'
complete -c mfg_sim -l tcp -x -d 'Serve on this TCP port'
complete -c mfg_sim -l rfc2217 -x -d 'The same, with modem lines and rate'
complete -c mfg_sim -l link -r -F -d 'Symbolic link to the pseudo-terminal'
complete -c mfg_sim -l count -x -d 'So many chips'
complete -c mfg_sim -l flash -r -F -d 'Content of the flash'
complete -c mfg_sim -l flash-size -x -a '1MB 2MB 4MB 8MB 16MB 32MB 64MB 128MB' -d 'Size of the flash'
complete -c mfg_sim -l flash-id -x -d 'What the flash says it is'
complete -c mfg_sim -l efuse -r -F -d 'Content of the eFuses'
complete -c mfg_sim -l journal -r -F -d 'A line for every eFuse bit that is set'
complete -c mfg_sim -l mac -x -d 'MAC of a new chip'
complete -c mfg_sim -l revision -x -d 'Revision of a new chip'
complete -c mfg_sim -l crystal -x -a '26 40 48' -d 'Crystal in MHz'
complete -c mfg_sim -l timing -x -a 'none real' -d 'How long things take'
complete -c mfg_sim -l seed -x -d 'Of faults and of what is made up'
complete -c mfg_sim -l fault -x -a 'drop= garble= dup= delay= cut-after= power-cut-at= stuck-after= bad-md5=' -d 'What goes wrong'
complete -c mfg_sim -l back-after -x -d 'When a cut cable comes back, ms'
complete -c mfg_sim -l secure-download -d 'In secure download mode'
complete -c mfg_sim -l flash-encryption -d 'With flash encryption on'
complete -c mfg_sim -l secure-boot -d 'With secure boot on'
complete -c mfg_sim -l flat-refusals -d 'Refuse unknown commands in one frame'
complete -c mfg_sim -l usb-pid -x -a '0x1001' -d 'USB port of the chip'
complete -c mfg_sim -l stats -d 'A line of JSON a chip at the end'
complete -c mfg_sim -l version -d 'The version'
complete -c mfg_sim -s h -l help -d Help
