# SPDX-License-Identifier: Apache-2.0
# bash completion for mfg_gen

_mfg_gen()
{
    local current previous command word
    COMPREPLY=()
    current=${COMP_WORDS[COMP_CWORD]}
    previous=${COMP_WORDS[COMP_CWORD - 1]}
    command=${COMP_WORDS[1]}

    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W 'generate generate-key verify help --help --version' \
            -- "$current")
        return
    fi
    case $previous in
    --inputkey | --kp_hmac_inputkey | --manifest | --config | --values)
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    --outdir)
        mapfile -t COMPREPLY < <(compgen -d -- "$current")
        return
        ;;
    --version)
        mapfile -t COMPREPLY < <(compgen -W '1 2' -- "$current")
        return
        ;;
    --progress)
        mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$current")
        return
        ;;
    --fileid)
        # The columns of the values file, the second argument that is a .csv file.
        local tables=()
        for word in "${COMP_WORDS[@]:2}"; do
            [[ $word == *.csv && -r $word ]] && tables+=("$word")
        done
        if ((${#tables[@]} > 1)); then
            word=$(head -n 1 -- "${tables[1]}" | tr ',\r' '  ')
            mapfile -t COMPREPLY < <(compgen -W "$word" -- "$current")
        fi
        return
        ;;
    --prefix | --prefix_num | --kp_hmac_keyfile | --keyfile | --jobs | -j | --rows | --shard)
        return
        ;;
    esac
    if [[ $current == -* ]]; then
        case $command in
        generate)
            word='--prefix_num --fileid --version --outdir --keygen --inputkey
                --key_protect_hmac --kp_hmac_keygen --kp_hmac_keyfile --kp_hmac_inputkey
                --jobs --dry-run --resume --rows --shard --no-csv --manifest --progress
                --quiet --verbose --json --help'
            ;;
        generate-key)
            word='--keyfile --outdir --key_protect_hmac --kp_hmac_keygen --kp_hmac_keyfile
                --kp_hmac_inputkey --quiet --json --help'
            ;;
        verify)
            word='--config --values --manifest --prefix --prefix_num --fileid --version
                --inputkey --kp_hmac_inputkey --jobs --rows --shard --no-csv --progress
                --quiet --json --help'
            ;;
        *)
            word=--help
            ;;
        esac
        mapfile -t COMPREPLY < <(compgen -W "$word" -- "$current")
    elif [[ $command == help ]]; then
        mapfile -t COMPREPLY < <(compgen -W 'generate generate-key verify' -- "$current")
    elif [[ $command == verify ]]; then
        mapfile -t COMPREPLY < <(compgen -d -- "$current")
    elif [[ $command == generate ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
}

complete -o filenames -F _mfg_gen mfg_gen
