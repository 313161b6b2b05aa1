// Package bench compares whole processes: davit with other clients that push and pull the same files, against a real
// registry on this machine. Nothing here is part of the program.
//
//	make bench                        # everything; at least half an hour on two cores
//	make bench BENCH=./W05            # one workload
//	BENCH_N=3 BENCH_SCALE=0.1 make bench
//
// Each workload is a benchmark that runs the clients in turn, A B A B, BENCH_N times (default 5), and reports medians. The
// output ends with a table of all workloads. Only the ratios within a workload can be compared with those of another machine.
// The other clients are oras and regctl, if "make clients" has built them or they are on PATH; the registry is required.
//
// Inputs, outputs, and the registry's store are below TMPDIR or, if it is not set, below /dev/shm where that exists. They
// take 7 GiB at BENCH_SCALE=1. If TMPDIR is on a disk, the disk is measured too.
//
// Wall and CPU time are those of runs that connect to the registry directly, unless the workload tests slow or broken
// connections. A proxy counts bytes, requests, and connections in a separate run.
package bench
