# SPDX-License-Identifier: Apache-2.0
# bash completion for mfg_sim

_mfg_sim()
{
    local current previous
    COMPREPLY=()
    current=${COMP_WORDS[COMP_CWORD]}
    previous=${COMP_WORDS[COMP_CWORD - 1]}
    case $previous in
    --link | --flash | --efuse | --journal)
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    --tcp | --rfc2217 | --count | --flash-id | --mac | --revision | --seed | --app-output | --back-after)
        return
        ;;
    --chip)
        mapfile -t COMPREPLY < <(compgen -W 'esp8266 esp32 esp32s2 esp32s3 esp32c2 esp32c3 esp32c5 esp32c6 esp32c61 esp32h2 esp32h21
            esp32h4 esp32p4 esp32s31 esp32e22' \
            -- "$current")
        return
        ;;
    --flash-size)
        mapfile -t COMPREPLY < <(compgen -W '1MB 2MB 4MB 8MB 16MB 32MB 64MB 128MB' \
            -- "$current")
        return
        ;;
    --crystal)
        mapfile -t COMPREPLY < <(compgen -W '26 40 48' \
            -- "$current")
        return
        ;;
    --timing)
        mapfile -t COMPREPLY < <(compgen -W 'none real' \
            -- "$current")
        return
        ;;
    --fault)
        mapfile -t COMPREPLY < <(compgen -W 'drop= garble= dup= delay= cut-after= power= power-cut-at= stuck-after= bad-md5=' \
            -- "$current")
        return
        ;;
    --usb-pid)
        mapfile -t COMPREPLY < <(compgen -W '0x1001' \
            -- "$current")
        return
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W '--chip --tcp --rfc2217 --link --count --flash --flash-size --flash-id --efuse --journal --mac
        --revision --crystal --timing --seed --fault --app-output --back-after --secure-download
        --flash-encryption --secure-boot --flat-refusals --strict-rate --usb-pid --stats --version --help' -- "$current")
}

complete -o filenames -F _mfg_sim mfg_sim
