// Command plateau is the server and what goes with it: it starts the server, uploads files to one, looks after what lies in
// its data folder or its bucket, shows the server's configuration, asks whether it is alive, and says what it is.
//
// Exit codes: 0 fine; 1 failure; 2 a mistake in arguments or configuration, or a data folder that another server uses
// (any error that knows its own ExitCode). plateau upload has two more, 3 and 130: see its help.
//
// The first SIGTERM or SIGINT stops the server gracefully, within --shutdown-timeout. The second ends the process at once.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

// profileRate is after how many allocated bytes, on the average, a heap profile takes a sample. An eighth of Go's own, it finds a
// leak after some 640 KB in place of 5 MB; no cost of it could be measured.
const profileRate = 64 << 10

func main() {
	runtime.MemProfileRate = profileRate // before anything to speak of is allocated
	os.Exit(run(untilSignal(), process{args: os.Args[1:], environ: os.Environ(), stdout: os.Stdout, stderr: os.Stderr}))
}

// untilSignal returns a context that ends with the first signal to stop; its cause names the signal. From then on a signal
// does what it does to any process.
func untilSignal() context.Context {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx
}
