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
        mapfile -t COMPREPLY < <(compgen -W 'generate generate-key verify unseal image flash-encrypt
            flash-decrypt generate-flash-key help --help --version' -- "$current")
        return
    fi
    if [[ $command == image ]]; then
        if ((COMP_CWORD == 2)); then
            mapfile -t COMPREPLY < <(compgen -W 'generate encrypt decrypt generate-key dump get check
                diff --help' -- "$current")
            return
        fi
        command="image ${COMP_WORDS[2]}"
    fi
    case $previous in
    --inputkey | --inputkey-b | --kp_hmac_inputkey | --kp_hmac_inputkey-b | --manifest | \
        --config | --values | --seal | --key | --unseal-key | --passphrase-file)
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
    --format)
        mapfile -t COMPREPLY < <(compgen -W 'table csv json' -- "$current")
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
    --output | -o | --keyfile | -k)
        # With flash-… the key is there; generate-key names a new one.
        [[ $command == *-key ]] || mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    --keylen | -l)
        mapfile -t COMPREPLY < <(compgen -W '128 192 256 512' -- "$current")
        return
        ;;
    --address | -a | --flash-crypt-conf)
        return
        ;;
    --prefix | --prefix_num | --kp_hmac_keyfile | --jobs | -j | --rows | --shard | --passphrase-fd)
        return
        ;;
    esac
    if [[ $current == -* ]]; then
        case $command in
        generate)
            word='--prefix_num --fileid --version --outdir --keygen --inputkey
                --key_protect_hmac --kp_hmac_keygen --kp_hmac_keyfile --kp_hmac_inputkey
                --seal --jobs --dry-run --resume --rows --shard --no-csv --manifest --progress
                --quiet --verbose --json --help'
            ;;
        generate-key | 'image generate-key')
            word='--keyfile --outdir --key_protect_hmac --kp_hmac_keygen --kp_hmac_keyfile
                --kp_hmac_inputkey --quiet --json --help'
            ;;
        verify)
            word='--config --values --manifest --prefix --prefix_num --fileid --version
                --inputkey --kp_hmac_inputkey --unseal-key --passphrase-file --passphrase-fd
                --jobs --rows --shard --no-csv --progress --quiet --json --help'
            ;;
        unseal)
            word='--key --passphrase-file --passphrase-fd --outdir --quiet --json --help'
            ;;
        flash-encrypt | flash-decrypt)
            word='--keyfile --address --output --aes-xts --flash-crypt-conf --quiet --json --help'
            ;;
        generate-flash-key)
            word='--keylen --quiet --json --help'
            ;;
        'image generate')
            word='--version --no-wifi-extras --outdir --replace --quiet --json --help'
            ;;
        'image encrypt')
            word='--version --no-wifi-extras --keygen --keyfile --inputkey --key_protect_hmac
                --kp_hmac_keygen --kp_hmac_keyfile --kp_hmac_inputkey --outdir --replace --quiet
                --json --help'
            ;;
        'image decrypt')
            word='--outdir --replace --quiet --json --help'
            ;;
        'image dump')
            word='--format --raw --show-values --inputkey --kp_hmac_inputkey --quiet --json --help'
            ;;
        'image get')
            word='--bytes --inputkey --kp_hmac_inputkey --quiet --json --help'
            ;;
        'image check')
            word='--inputkey --kp_hmac_inputkey --quiet --json --help'
            ;;
        'image diff')
            word='--show-values --inputkey --kp_hmac_inputkey --inputkey-b --kp_hmac_inputkey-b
                --quiet --json --help'
            ;;
        *)
            word=--help
            ;;
        esac
        mapfile -t COMPREPLY < <(compgen -W "$word" -- "$current")
    elif [[ $command == help && ${COMP_WORDS[2]} == image ]] && ((COMP_CWORD == 3)); then
        mapfile -t COMPREPLY < <(compgen -W 'generate encrypt decrypt generate-key dump get check
            diff' -- "$current")
    elif [[ $command == help ]] && ((COMP_CWORD == 2)); then
        mapfile -t COMPREPLY < <(compgen -W 'generate generate-key verify unseal image flash-encrypt
            flash-decrypt generate-flash-key' -- "$current")
    elif [[ $command == verify ]]; then
        mapfile -t COMPREPLY < <(compgen -d -- "$current")
    elif [[ $command == generate || $command == unseal || $command == *flash-* || $command == image\ * && $command != *-key ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
}

complete -o filenames -F _mfg_gen mfg_gen
