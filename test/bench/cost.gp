# SPDX-License-Identifier: MIT
# gnuplot -e "data='…'; picture='…'" cost.gp
set terminal svg size 760,440 font 'sans-serif,13' background 'white'
set output picture
set logscale xy
set xlabel 'peers'
set ylabel 'CPU time of the server per echoed message, µs'
set key top left
set grid
set xrange [0.8:12500]
plot data using 1:2 with linespoints lw 2 lc rgb '#1a7f37' title 'gdws, one peer active', \
     data using 1:3 with linespoints lw 2 dt 2 lc rgb '#1a7f37' title 'gdws, all active', \
     data using 1:4 with linespoints lw 2 lc rgb '#b35900' title 'libwebsockets, one peer active', \
     data using 1:5 with linespoints lw 2 dt 2 lc rgb '#b35900' title 'libwebsockets, all active'
