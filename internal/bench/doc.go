// Package bench compares whole processes: davit with the clients that push and pull the same things, against a real
// registry on this machine. Nothing here is part of the program.
//
//	make bench                        # everything; half an hour and more on two cores
//	make bench BENCH=./W05            # one workload
//	BENCH_N=3 BENCH_SCALE=0.1 make bench
//
// Each workload is a benchmark that runs the clients in turn, A B A B, BENCH_N times (5), and reports medians; a table of
// all of them ends the output. Only the ratios within a workload mean something on another machine. The clients are oras
// and regctl, when they are among the tools that "make clients" builds or on PATH; the registry must be.
//
// Inputs, outputs and the registry's store are below TMPDIR, or below /dev/shm when that is not set and there is one;
// 7 GiB at BENCH_SCALE=1. With TMPDIR on a disk the disk is measured too.
//
// Wall and CPU time are of runs that talk to the registry directly, unless the workload is about the line. Bytes,
// requests and connections are counted by a proxy, in a run of its own.
package bench
