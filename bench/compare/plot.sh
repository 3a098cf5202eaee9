#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Draws results in JSON lines as SVG pictures, one per area, with gnuplot (package gnuplot-nox).
#
#   bench/compare/plot.sh --out DIR FILE...
#
# FILE is what bench/compare/run.sh --json or `seine bench sample|gather|loader|channel --json` wrote. Bars are
# shares of the limit measured beside them; in the comparison, how many times the peer's rate Seine's is. The
# thin lines lead from p10 to p90. Results that have neither are left out. With several files a bar is named
# after its file too. Writes DIR/AREA.svg.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

fail() {
    echo "plot.sh: $1" >&2
    exit "${2:-1}"
}

out='' files=()
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help)
        sed -n '3,10s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    --out)
        [ $# -gt 1 ] || fail '--out needs a folder' 2
        out=$2
        shift
        ;;
    -*) fail "unknown argument '$1' (--help says what there is)" 2 ;;
    *) files+=("$1") ;;
    esac
    shift
done
if [ -z "$out" ] || [ ${#files[@]} -eq 0 ]; then
    fail '--out and at least one file are needed' 2
fi
command -v gnuplot >/dev/null || fail 'gnuplot is missing (package gnuplot-nox)'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 "$here/results.py" --gnuplot "$work" "${files[@]}" >"$work/areas"
[ -s "$work/areas" ] || fail 'no result has a share or a ratio'
mkdir -p "$out"

while read -r area; do
    bars=$(wc -l <"$work/$area.dat")
    if [ "$area" = compare ]; then
        title='Seine beside its peers' axis="rate of Seine as a multiple of the peer's"
        scale='set logscale x 2; set xrange [*<1:*]' left=1
    else
        title="seine bench $area" axis='share of the limit'
        scale='set xrange [0:*]' left=0
    fi
    # The first row is drawn at the top. Boxes begin at the left end of the axis.
    gnuplot <<GNUPLOT
set terminal svg size 860,$((110 + 26 * bars)) font 'sans-serif,13' background '#ffffff'
set output '$out/$area.svg'
set datafile separator tab
set title "$title"
set xlabel "$axis"
set lmargin 34
set rmargin 8
set border 3
set tics nomirror
set grid x linecolor '#cccccc'
$scale
set yrange [$bars - 0.5:-0.5]
unset key
set style fill solid
plot '$work/$area.dat' using 2:0:($left):2:(\$0 - 0.35):(\$0 + 0.35):ytic(1) \
         with boxxyerror linecolor '#4a7ba6', \
     '' using 2:0:3:4 with xerrorbars pointtype 0 linewidth 1.5 linecolor '#222222', \
     '' using 4:0:(sprintf('  %.3g', \$2)) with labels left
GNUPLOT
    echo "$out/$area.svg"
done <"$work/areas"
