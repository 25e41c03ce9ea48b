# SPDX-License-Identifier: Apache-2.0
# bash completion for mfg_flash

_mfg_flash()
{
    local current previous command word commands common efuse efuses ledgers
    COMPREPLY=()
    current=${COMP_WORDS[COMP_CWORD]}
    previous=${COMP_WORDS[COMP_CWORD - 1]}
    commands='write-flash read-flash verify-flash erase-flash erase-region flash-id read-flash-status
        write-flash-status read-flash-sfdp read-mac chip-id get-security-info read-mem write-mem
        dump-mem load-ram run reset image-info elf2image merge-bin partition-table line ports version efuse
        ledger'
    common='--chip --port --port-filter --baud --before --after --connect-attempts --no-stub --stub
        --partition-table --trace --progress --verbose --quiet --silent --json --help'
    efuses='summary dump check-error get-custom-mac adc-info burn-efuse burn-bit burn-block-data burn-key
        burn-key-digest burn-custom-mac read-protect-efuse write-protect-efuse set-flash-voltage
        rules
        execute-scripts'
    ledgers='init status show list retry release scrap export report check copy'
    efuse='--virt --path-efuse-file --do-not-confirm --dry-run --approve --override --strict --postpone --no-postpone --extend-efuse-table
        --show-sensitive-info --debug'
    # The command is the first word that names one: options may stand before it. Of the
    # group efuse, several may stand in one line, and the last counts.
    command=
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        if [[ $command == efuse* && " ${efuses//$'\n'/ } " == *" $word "* ]]; then
            command="efuse $word"
        elif [[ $command == ledger && " $ledgers " == *" $word "* ]]; then
            command="ledger $word"
        elif [[ -z $command && " ${commands//$'\n'/ } " == *" $word "* ]]; then
            command=$word
        fi
    done
    [[ $command != efuse* ]] || common="$common $efuse"

    case $previous in
    --chip | -c)
        mapfile -t COMPREPLY < <(compgen -W 'auto esp8266 esp32 esp32s2 esp32s3 esp32c2 esp32c3 esp32c5 esp32c6 esp32c61 esp32h2 esp32p4' -- "$current")
        return
        ;;
    --port | -p)
        if [[ $previous != -p || $command != @(write-flash|read-flash) ]]; then
            mapfile -t COMPREPLY < <(compgen -W "$(compgen -G '/dev/tty[UA]*') socket:// rfc2217:// sim:" \
                -- "$current")
            return
        fi
        ;;
    -o)
        if [[ $command == @(elf2image|merge-bin) || $command == ledger\ @(export|report) ]]; then
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
        fi
        return
        ;;
    -e)
        [[ $command != elf2image ]] || return
        ;;
    --http)
        mapfile -t COMPREPLY < <(compgen -W '127.0.0.1:8080' -- "$current")
        return
        ;;
    --port-filter | --connect-attempts | --offset | --count | --rounds | --approve | --reason | --name | --units | --since | --title | \
        --version | --min-rev-full | --max-rev-full | --elf-sha256-offset | --target-offset | --chunk-size)
        [[ $previous == --units && $command == 'ledger export' ]] || return
        ;;
    --to)
        mapfile -t COMPREPLY < <(compgen -W 'csv binary' -- "$current")
        return
        ;;
    --flash-mmu-page-size)
        mapfile -t COMPREPLY < <(compgen -W '64KB 32KB 16KB 8KB' -- "$current")
        return
        ;;
    --pad-to-size)
        mapfile -t COMPREPLY < <(compgen -W '256KB 512KB 1MB 2MB 4MB 8MB 16MB 32MB 64MB 128MB' -- "$current")
        return
        ;;
    --state)
        mapfile -t COMPREPLY < <(compgen -W 'free claimed flashed burning burned done' -- "$current")
        return
        ;;
    --format)
        word='summary json value-only'
        [[ $command != 'efuse dump' ]] || word='default split joint'
        [[ $command != merge-bin ]] || word='raw hex uf2'
        [[ $command != 'ledger export' ]] || word='csv jsonl'
        mapfile -t COMPREPLY < <(compgen -W "$word" -- "$current")
        return
        ;;
    --baud | -b)
        mapfile -t COMPREPLY < <(compgen -W '115200 230400 460800 921600 1500000 2000000' -- "$current")
        return
        ;;
    --before)
        mapfile -t COMPREPLY < <(compgen -W 'default-reset usb-reset no-reset no-reset-no-sync' -- "$current")
        return
        ;;
    --after | -a)
        mapfile -t COMPREPLY < <(compgen -W 'hard-reset soft-reset no-reset no-reset-stub watchdog-reset' -- "$current")
        return
        ;;
    --stub | --partition-table | --encrypt-files | --diff-with | --path-efuse-file | \
        --extend-efuse-table | --file | --file-name | --configfiles | --station | --ledger | \
        --boards | --output)
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    --progress)
        mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$current")
        return
        ;;
    --flash-size | -fs)
        mapfile -t COMPREPLY < <(compgen -W 'detect keep 256KB 512KB 1MB 2MB 2MB-c1 4MB 4MB-c1 8MB 16MB 32MB 64MB 128MB' -- "$current")
        return
        ;;
    --flash-mode | -fm)
        mapfile -t COMPREPLY < <(compgen -W 'keep qio qout dio dout' -- "$current")
        return
        ;;
    --flash-freq | -ff)
        mapfile -t COMPREPLY < <(compgen -W 'keep 80m 60m 48m 40m 30m 26m 24m 20m 16m 15m 12m' -- "$current")
        return
        ;;
    --spi-connection | -sc)
        mapfile -t COMPREPLY < <(compgen -W 'SPI HSPI' -- "$current")
        return
        ;;
    --bytes)
        mapfile -t COMPREPLY < <(compgen -W '1 2 3' -- "$current")
        return
        ;;
    esac
    if [[ $current == -* ]]; then
        case $command in
        write-flash)
            word='--erase-all --encrypt --encrypt-files --ignore-flash-enc-efuse --compress --no-compress
                --skip-flashed --diff-with --no-diff-verify --force --no-progress --flash-size
                --flash-mode --flash-freq --spi-connection'
            ;;
        read-flash)
            word='--no-progress --flash-size --spi-connection'
            ;;
        verify-flash)
            word='--diff --flash-size --flash-mode --flash-freq --spi-connection'
            ;;
        erase-flash | erase-region)
            word='--force --spi-connection'
            ;;
        flash-id)
            word='--spi-connection'
            ;;
        read-flash-status)
            word='--bytes --spi-connection'
            ;;
        write-flash-status)
            word='--bytes --non-volatile --spi-connection'
            ;;
        read-flash-sfdp)
            word='--flash-size --flash-mode --flash-freq --spi-connection'
            ;;
        elf2image)
            word='--output --version --min-rev-full --max-rev-full --secure-pad --secure-pad-v2
                --elf-sha256-offset --dont-append-digest --use-segments --flash-mmu-page-size
                --pad-to-size --ram-only-header --force --flash-size --flash-mode --flash-freq'
            ;;
        merge-bin)
            word='--output --format --target-offset --pad-to-size --chunk-size --md5-disable
                --flash-size --flash-mode --flash-freq'
            ;;
        partition-table)
            word='--offset --flash-size --to --disable-md5sum'
            ;;
        line)
            word='--station --ports --all --watch --count --ledger --check --approve --simulate --boards
                --rounds --http --http-token-file'
            ;;
        'efuse summary')
            word='--format --file --active'
            ;;
        'efuse dump')
            word='--format --file-name'
            ;;
        'efuse check-error')
            word=--recovery
            ;;
        'efuse burn-efuse')
            word=--force
            ;;
        'efuse burn-bit' | 'efuse burn-custom-mac')
            word=--force-write-always
            ;;
        'efuse burn-block-data')
            word='--offset --force-write-always'
            ;;
        'efuse execute-scripts')
            word='--index --configfiles'
            ;;
        'efuse burn-key' | 'efuse burn-key-digest')
            word='--no-read-protect --no-write-protect --no-protect-key --force-write-always'
            ;;
        'ledger init')
            word='--ledger --name --units'
            ;;
        'ledger list')
            word='--ledger --state --stopped'
            ;;
        'ledger retry' | 'ledger release' | 'ledger scrap')
            word='--ledger --reason'
            ;;
        'ledger report')
            word='--ledger --output --since --title'
            ;;
        'ledger export')
            word='--ledger --format --events --units --output'
            ;;
        'ledger copy')
            word=
            ;;
        ledger\ *)
            word=--ledger
            ;;
        '' | help)
            word=--version
            ;;
        *)
            word=
            ;;
        esac
        mapfile -t COMPREPLY < <(compgen -W "$word $common" -- "$current")
    elif [[ -z $command ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$commands help" -- "$current")
    elif [[ $command == ledger ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$ledgers" -- "$current")
    elif [[ $command == efuse* && $command != *\ @(burn-block-data|burn-key|burn-key-digest|execute-scripts) ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$efuses" -- "$current")
    elif [[ $command == efuse* ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$current"; compgen -W "$efuses auto" -- "$current")
    elif [[ $command == @(write-flash|read-flash|verify-flash|dump-mem|load-ram|line) ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
}

complete -o filenames -F _mfg_flash mfg_flash
