#!/bin/sh
# Sets up this machine (Linux, macOS) so that its AI clients go through the company's proxy; --undo takes it back.
# For machines without Python; `sluiceway enroll` does the same and a little more.
#
#   sh enroll.sh                      asks for your proxy URL, and fetches the CA through it
#   sh enroll.sh --ca ca.pem          takes the CA from a file
#   sh enroll.sh --proxy-url -        reads the URL from standard input (a URL as argument is seen by `ps`)
#   sh enroll.sh --sha256 HEX         trusts the CA only if it has this fingerprint
#   sh enroll.sh --no-proxy .corp.example,10.0.0.0/8
#   sh enroll.sh --undo
#
# It writes ~/.config/sluiceway/ and one marked block in the start files of your shells. On macOS it also asks
# the keychain to trust the CA. What was there before is kept in ~/.config/sluiceway/before/.
set -eu
umask 077

begin='# >>> sluiceway >>> made by enroll.sh; sh enroll.sh --undo takes it out'
mark='# >>> sluiceway >>>'
end='# <<< sluiceway <<<'
portal=http://sluiceway.internal

fail() {
    printf 'enroll.sh: %s\n' "$1" >&2
    exit "${2:-1}"
}

usage() {
    sed -n '2,12s/^# \{0,1\}//p' "$0"
    exit "$1"
}

url='' ca='' sha256='' more='' undo='' keychain=yes
while [ $# -gt 0 ]; do
    case $1 in
        --proxy-url | --ca | --sha256 | --no-proxy)
            [ $# -ge 2 ] || fail "$1 needs a value" 2
            case $1 in
                --proxy-url) url=$2 ;;
                --ca) ca=$2 ;;
                --sha256) sha256=$2 ;;
                --no-proxy) more=$more,$2 ;;
            esac
            shift
            ;;
        --undo) undo=yes ;;
        --no-keychain) keychain='' ;;
        -h | --help) usage 0 ;;
        *) usage 2 >&2 ;;
    esac
    shift
done

[ -d "${HOME:-}" ] || fail 'HOME is not set to a folder; set it to your home folder'
folder=${XDG_CONFIG_HOME:-$HOME/.config}/sluiceway
before=$folder/before
script=$folder/env.sh
start_files='.profile .bash_profile .bash_login .bashrc .zprofile .zshrc'

# The file without our block, on standard output.
without_block() {
    awk -v mark="$mark" -v end="$end" '
        index($0, mark) == 1 { inside = 1 }
        !inside { print }
        index($0, end) == 1 { inside = 0 }' "$1"
}

# Through the link, if it is one: mode and owner stay.
put_back() {
    name=$1 file=$HOME/$1
    if [ -f "$file" ] && [ "$(cksum <"$file")" = "$(cat "$before/$name.written")" ]; then
        if [ -f "$before/$name" ]; then cat "$before/$name" >"$file"; else rm -f "$file"; fi
    elif [ -f "$file" ]; then
        without_block "$file" >"$before/rest"
        cat "$before/rest" >"$file"
    fi
    printf '  as before  ~/%s\n' "$name"
}

if [ -n "$undo" ]; then
    [ -d "$before" ] || fail "$before is not there, so this script has changed nothing here"
    for name in $start_files .curlrc; do
        [ ! -f "$before/$name.written" ] || put_back "$name"
    done
    if [ -f "$before/keychain" ]; then
        security remove-trusted-cert "$folder/ca.pem" || true
        security delete-certificate -Z "$(cat "$before/keychain")" || true
    fi
    rm -rf "$before"
    for name in ca.pem bundle.pem node-extra.pem env.sh; do rm -f "$folder/$name"; done
    rmdir "$folder" 2>/dev/null || true
    echo 'Everything is as it was. Shells that are open keep their variables.'
    exit 0
fi

[ ! -f "$folder/enroll-state.json" ] ||
    fail 'this machine was enrolled by the sluiceway command; use that, or undo it first: sluiceway enroll --undo'

# --- the proxy URL: a secret, so it is never printed and never an argument of a program ---
form='write it as it was given to you: http://NAME:TOKEN@HOST:PORT or https://NAME:TOKEN@HOST:PORT'
if [ -z "$url" ]; then
    [ -t 0 ] || fail "--proxy-url: give your own proxy line, or - to read it from standard input" 2
    printf 'Your proxy URL (it is not shown): ' >&2
    trap 'stty echo' EXIT INT TERM
    stty -echo
    IFS= read -r url || true
    stty echo
    trap - EXIT INT TERM
    echo >&2
elif [ "$url" = - ]; then
    IFS= read -r url || true
fi
url=${url%/}
printf '%s\n' "$url" | LC_ALL=C grep -Eq \
    '^https?://([A-Za-z0-9._~%-]+:[A-Za-z0-9._~%-]+@)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}$' ||
    fail "the proxy URL cannot be used; $form"
place=${url##*@}
place=${place#*://}

# --- the company's certificate ---
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
fetch() {
    if command -v curl >/dev/null; then
        http_proxy=$url no_proxy='' NO_PROXY='' curl -fsS -m 15 "$portal/$1" -o "$2"
    elif command -v wget >/dev/null; then
        http_proxy=$url no_proxy='' NO_PROXY='' wget -q -T 15 -t 1 "$portal/$1" -O "$2"
    else
        fail 'neither curl nor wget is here; give the certificate as a file: --ca ca.pem'
    fi
}
if [ -n "$ca" ]; then
    [ -r "$ca" ] || fail "$ca: cannot be read; name the company's ca.pem"
    cat "$ca" >"$work/ca.pem"
else
    fetch ca.pem "$work/ca.pem" ||
        fail "the CA could not be fetched through the proxy at $place: check host, port, name and token, or give --ca ca.pem"
fi
source=${ca:-"the CA from $portal"}
! grep -q 'PRIVATE KEY-----' "$work/ca.pem" || fail "$source: holds a private key, which no machine may have; give ca.pem"
count=$(grep -c 'BEGIN CERTIFICATE-----' "$work/ca.pem" || true)
[ "$count" -ge 1 ] || fail "$source: holds no PEM certificate; give the company's ca.pem"
[ "$count" -le 8 ] || fail "$source: holds $count certificates; give ca.pem, not bundle.pem"
fingerprint=''
if command -v openssl >/dev/null; then
    openssl x509 -in "$work/ca.pem" -noout -text 2>/dev/null | grep -q 'CA:TRUE' ||
        fail "$source: is not the certificate of an authority (CA); give the company's ca.pem"
    openssl x509 -in "$work/ca.pem" -noout -checkend 0 >/dev/null ||
        fail "$source: has expired, or this machine's clock is wrong; ask your platform team for the new ca.pem"
    fingerprint=$(openssl x509 -in "$work/ca.pem" -noout -fingerprint -sha256 | sed 's/.*=//')
elif [ -n "$sha256" ]; then
    fail '--sha256 needs openssl, which is not here'
fi
plain() { printf '%s' "$1" | tr -d ': ' | tr '[:upper:]' '[:lower:]'; }
[ -z "$sha256" ] || [ "$(plain "$sha256")" = "$(plain "$fingerprint")" ] ||
    fail "$source: its SHA-256 is $fingerprint, not the one you gave; do not trust it, and tell your platform team"

# --- the bundle: this machine's public roots, what was trusted before, and the CA ---
for roots in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem \
    /etc/ssl/cert.pem ''; do
    [ ! -r "$roots" ] || break
done
if [ -n "$roots" ]; then
    cat "$roots" >"$work/bundle.pem"
else
    fetch bundle.pem "$work/bundle.pem" || fail 'this machine has no list of public roots, and the proxy gives none'
fi
foreign() { [ -n "$1" ] && [ -r "$1" ] && [ "${1%/*}" != "$folder" ] && [ "$1" != "$roots" ]; }
if foreign "${SSL_CERT_FILE:-}"; then cat "$SSL_CERT_FILE" >>"$work/bundle.pem"; fi
node=$folder/ca.pem
if foreign "${NODE_EXTRA_CA_CERTS:-}"; then
    cat "$NODE_EXTRA_CA_CERTS" >>"$work/bundle.pem"
    cat "$work/ca.pem" "$NODE_EXTRA_CA_CERTS" >"$work/node-extra.pem"
    node=$folder/node-extra.pem
elif [ -f "$folder/node-extra.pem" ]; then
    node=$folder/node-extra.pem # kept from an earlier run
    cat "$node" >>"$work/bundle.pem"
fi
cat "$work/ca.pem" >>"$work/bundle.pem"

# --- NO_PROXY: this machine, what was set, what is added; each once ---
earlier=$(sed -n "s/^export NO_PROXY='\(.*\)'\$/\1/p" "$script" 2>/dev/null || true)
no_proxy_list=$(printf '%s' "localhost,127.0.0.1,::1,$earlier,${NO_PROXY:-},${no_proxy:-}$more" |
    tr ' ' ',' | tr ',' '\n' | awk 'NF && !seen[$0]++' | paste -sd , -)
case $no_proxy_list in *\'*) fail "NO_PROXY holds a quote; correct it first" ;; esac

# --- from here on, the machine is changed ---
mkdir -p "$before" 2>/dev/null || fail "$folder: cannot be made, so nothing was changed"
quoted() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"; }
cat "$work/ca.pem" >"$folder/ca.pem"
cat "$work/bundle.pem" >"$folder/bundle.pem"
[ ! -f "$work/node-extra.pem" ] || cat "$work/node-extra.pem" >"$folder/node-extra.pem"
{
    echo '# Made by enroll.sh, which writes it anew. It holds your proxy token: keep it to yourself.'
    for name in HTTPS_PROXY https_proxy; do echo "export $name=$(quoted "$url")"; done
    for name in NO_PROXY no_proxy; do echo "export $name='$no_proxy_list'"; done
    for name in SSL_CERT_FILE REQUESTS_CA_BUNDLE CURL_CA_BUNDLE PIP_CERT GIT_SSL_CAINFO npm_config_cafile \
        GRPC_DEFAULT_SSL_ROOTS_FILE_PATH CODEX_CA_CERTIFICATE; do
        echo "export $name=$(quoted "$folder/bundle.pem")"
    done
    case $url in https:*) echo "export GIT_PROXY_SSL_CAINFO=$(quoted "$folder/bundle.pem")" ;; esac
    echo "export NODE_EXTRA_CA_CERTS=$(quoted "$node")"
    echo 'export NODE_USE_ENV_PROXY=1'
} >"$script"

# One block in a file of the user: $1 its name below HOME, $2 the line.
add_block() {
    name=$1 file=$HOME/$1 kept=$before/$1
    if [ -f "$file" ]; then
        if [ ! -f "$kept.written" ]; then
            cp -p "$file" "$kept"
        elif [ "$(cksum <"$file")" != "$(cat "$kept.written")" ]; then
            without_block "$file" >"$kept" # edited since: their lines are what was before
        fi
    fi
    {
        [ ! -f "$kept" ] || cat "$kept"
        if [ -s "$kept" ] && [ -n "$(tail -c 1 "$kept")" ]; then echo; fi
        printf '%s\n%s\n%s\n' "$begin" "$2" "$end"
    } >"$work/new"
    cksum <"$work/new" >"$kept.written"
    cat "$work/new" >"$file"
    printf '  set up     ~/%s\n' "$name"
}

found=''
line="if [ -r $(quoted "$script") ]; then . $(quoted "$script"); fi"
for name in $start_files; do
    if [ -f "$HOME/$name" ]; then
        add_block "$name" "$line"
        found=yes
    fi
done
if [ -z "$found" ]; then
    case ${SHELL:-} in */zsh) add_block .zshrc "$line" ;; *) add_block .profile "$line" ;; esac
fi
case $url in https:*) add_block .curlrc "proxy-cacert = \"$folder/bundle.pem\"" ;; esac

if [ "$(uname)" = Darwin ] && [ -n "$keychain" ] && [ ! -f "$before/keychain" ]; then
    if security add-trusted-cert -r trustRoot -k "$HOME/Library/Keychains/login.keychain-db" "$folder/ca.pem"; then
        openssl x509 -in "$folder/ca.pem" -noout -fingerprint -sha1 | sed 's/.*=//' | tr -d : >"$before/keychain"
    else
        echo 'enroll.sh: the keychain does not trust the CA; what reads the environment works all the same' >&2
    fi
fi

echo
[ -z "$fingerprint" ] || printf 'CA, SHA-256 %s\nCompare it with the one your platform team tells you.\n\n' "$fingerprint"
printf 'Open a new shell, or run:  . %s\nThen see that it works:    curl -si https://api.anthropic.com/sluiceway-doctor\n' "$script"
echo 'A line x-sluiceway-request-id in the answer means that the way is open.'
