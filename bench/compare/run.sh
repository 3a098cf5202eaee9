#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs samplers that can be installed from the package index beside Seine, on the same graph.
#
#   bench/compare/run.sh [FLAGS]
#
#   --dataset DIR     a homogeneous dataset with out-edges and features (default: the graph of
#                     docs/performance.md, made once in the cache: 3 GB)
#   --peers A,B       of graphbolt, graphlearn-torch, pyg-lib, torch_sparse (default: all)
#   --json FILE       where the results go, one JSON object a line (default: results.json in the cache)
#   --cache DIR       environments and graph (default: ~/.cache/seine-compare, 5 GB per version of torch)
#   --build DIR       where Seine is built (default: build)
#   --python COMMAND  makes the environments (default: python3)
#   --no-install      only what is installed already
#   --runs N, --slice SECONDS, --fanouts 'F;F', --batch-size B, --load map|memory
#                     passed on to measure.py, which explains them
#
# An environment holds one version of torch and the peers that need that version. Each peer runs in a process
# of its own; a peer that cannot be installed is reported with the reason. pip's own settings hold: one that
# names an index of CPU builds of torch saves most of the 5 GB. Exits 1 if no peer could be measured.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$root/bench/compare

usage() {
    sed -n '3,22s/^# \{0,1\}//p' "$0"
}

fail() {
    echo "run.sh: $1" >&2
    exit "${2:-1}"
}

dataset='' peers=graphbolt,graphlearn-torch,pyg-lib,torch_sparse json='' install=yes
cache=${XDG_CACHE_HOME:-${HOME:-.}/.cache}/seine-compare build=$root/build python=python3
measure=()
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help)
        usage
        exit 0
        ;;
    --no-install)
        install=no
        shift
        continue
        ;;
    --dataset | --peers | --json | --cache | --build | --python | --runs | --slice | --fanouts | --batch-size | --load) ;;
    *) fail "unknown argument '$1' (--help says what there is)" 2 ;;
    esac
    [ $# -gt 1 ] || fail "$1 needs a value" 2
    case $1 in
    --dataset) dataset=$2 ;;
    --peers) peers=$2 ;;
    --json) json=$2 ;;
    --cache) cache=$2 ;;
    --build) build=$2 ;;
    --python) python=$2 ;;
    *) measure+=("$1" "$2") ;;
    esac
    shift 2
done

# -- Environments -------------------------------------------------------------------------------------

# The version of torch that a peer was built for, and what pip is asked for, in order. torch_scatter and
# torch_sparse are compiled here, which takes half an hour on two cores, so they come last.
torch_of() {
    case $1 in
    graphbolt) echo 2.2.1 ;; # the newest that its library is there for
    *) echo 2.3.1 ;;         # the oldest that has what graphlearn-torch calls
    esac
}

packages_of() {
    case $1 in
    graphbolt) echo torchdata==0.7.1 'pandas<2.3' pydantic pyyaml dgl==2.1.0 ;;
    graphlearn-torch) echo torch_geometric==2.6.1 graphlearn-torch==0.2.4 ;;
    torch_sparse) echo torch_geometric==2.6.1 torch_scatter==2.1.2 torch_sparse==0.6.18 ;;
    pyg-lib) echo pyg-lib torch_geometric==2.6.1 ;;
    esac
}

GIB_OF_TORCH=6 GIB_OF_GRAPH=4

# room_for GIB WHAT
room_for() {
    local free
    free=$(df -Pk "$cache" | awk 'NR == 2 { print int($4 / 1048576) }')
    [ "$free" -ge "$1" ] || {
        why="$2 needs $1 GiB and the cache's file system has $free"
        return 1
    }
}

# pip_install LOG PACKAGE...: CPU parts alone, at most 25 minutes; the reason of a failure in $why.
pip_install() {
    local log=$1
    shift
    if ! FORCE_ONLY_CPU=1 MAX_JOBS=$(nproc) timeout 1500 "$environment/bin/python" -m pip install \
        --disable-pip-version-check --no-build-isolation "$@" >"$log" 2>&1; then
        why=$(grep -i 'error' "$log" | tail -n 1 || true)
        why="pip install $*: ${why:-stopped after 25 minutes}"
        return 1
    fi
}

# Makes the environment of `peer` (in $environment) if it is not there, or says why not (in $why).
prepare() {
    local torch log package built
    torch=$(torch_of "$peer")
    environment=$cache/torch-$torch
    log=$environment/$peer.log
    [ ! -e "$environment/$peer.installed" ] || return 0
    if [ $install = no ]; then
        why='not installed (--no-install)'
        return 1
    fi
    if [ ! -e "$environment/torch.installed" ]; then
        room_for $GIB_OF_TORCH "torch $torch" || return 1
        echo "installing torch $torch" >&2
        "$python" -m venv "$environment" || fail "$python cannot make virtual environments"
        pip_install "$log" setuptools wheel ninja 'numpy<2' scipy || return 1
        pip_install "$log" "torch==$torch" 'numpy<2' || return 1
        touch "$environment/torch.installed"
    fi
    echo "installing $peer" >&2
    # One by one: building torch_sparse imports torch, and torch_scatter must be there to run it.
    # What was compiled here fits this torch alone, so pip must not keep it for others.
    for package in $(packages_of "$peer"); do
        built=()
        case $package in torch_s*) built=(--cache-dir "$environment/pip") ;; esac
        pip_install "$log" "${built[@]}" "$package" "torch==$torch" 'numpy<2' || return 1
    done
    touch "$environment/$peer.installed"
}

# -- Run ----------------------------------------------------------------------------------------------

if [ ! -e "$build/lib/libseine.so" ] || [ ! -x "$build/bin/seine" ]; then
    fail "$build: no libseine.so and seine; build first, or say --build"
fi
mkdir -p "$cache"
json=${json:-$cache/results.json}

if [ -z "$dataset" ]; then
    dataset=$cache/products-like
    if [ ! -e "$dataset/META.json" ]; then
        room_for $GIB_OF_GRAPH 'the graph' || fail "$why"
        "$build/bin/seine" gen rmat --nodes 2449029 --degree 26 --probs .45,.22,.22 --undirected \
            --feat-dim 100 --out "$dataset"
    fi
fi
[ -e "$dataset/META.json" ] || fail "$dataset: no dataset"

# Any text as the inside of a JSON string.
quoted() {
    printf '%s' "$1" | tr -d '\000-\037' | sed 's/[\\"]/\\&/g'
}

processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
printf '{"processor": "%s", "cores": %d, "kernel": "%s", "seine": "%s", "dataset": "%s", "load": "%s"}\n' \
    "$(quoted "$processor")" "$(nproc)" "$(uname -r)" "$(quoted "$("$build/bin/seine" --version | head -n 1)")" \
    "$(quoted "$(basename "$dataset")")" "$(cut -d ' ' -f 1-3 /proc/loadavg)" >"$json"

# One thread, also in libraries that look at their environment alone.
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 DGLBACKEND=pytorch
measured=0
IFS=, read -ra names <<<"$peers"
for peer in "${names[@]}"; do
    [ -n "$(packages_of "$peer")" ] || fail "no peer is called '$peer' (--help names them)" 2
    why=''
    if prepare; then
        echo "measuring $peer" >&2
        if "$environment/bin/python" "$here/measure.py" --peer "$peer" --dataset "$dataset" \
            --library "$build/lib/libseine.so" "${measure[@]}" >>"$json" 2>"$cache/$peer.run.log"; then
            measured=$((measured + 1))
            continue
        fi
        why="installed, but: $(tail -n 1 "$cache/$peer.run.log")"
    fi
    printf '{"peer": "%s", "measured": false, "why": "%s"}\n' "$peer" "$(quoted "$why")" >>"$json"
done
"$python" "$here/results.py" "$json"
[ $measured -gt 0 ] || fail 'no peer could be measured'
