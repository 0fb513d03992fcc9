// Command seed is the upload service that Plateau takes the place of, rebuilt as small as it can be so that its memory can be
// measured beside Plateau's (bench/MEMORY.md).
//
// That service took 10,000 uploads a day, and its memory climbed until it was restarted, every few hours. Profiles taken in
// production found two causes. Both are here, and each can be mended alone:
//
//   - ParseMultipartForm keeps the files of a form in memory, up to 32 MB for each form. -max-memory sets how much of that; beyond
//     it a file goes to a temporary one. -stream reads the form part by part instead, as Plateau does. net/http removes a form
//     after its handler, so this makes memory high (as high as forms are open at once), but it doesn't make it climb.
//   - Each upload makes a kafka.Writer and never closes it. That leaves goroutines and two connections behind for ever, and so it
//     does climb. -one-writer has all uploads share one. -no-kafka leaves events out.
//
// It promises nothing else. A file is not synced to the disk, an event that could not be sent fails the upload, whose file stays,
// and whoever comes when it has no file descriptors left hears 500 or nothing. It ends on SIGTERM.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		fmt.Fprintln(os.Stderr, "seed:", err)
		os.Exit(1)
	}
}

// run serves until the context ends. It writes its address, on a line, as soon as it can be reached. As many files may be open
// as the system allows: Go raises the limit itself when a program starts.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	var s service
	var listen, brokers, topic string
	var oneWriter, noKafka bool
	flags := flag.NewFlagSet("seed", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&listen, "listen", "127.0.0.1:0", "`address` to serve on")
	flags.StringVar(&s.folder, "folder", "", "`folder` for the files")
	flags.StringVar(&brokers, "kafka-brokers", "", "`addresses` of Kafka, separated by commas")
	flags.StringVar(&topic, "kafka-topic", "statusNew", "topic of the events")
	flags.Int64Var(&s.maxMemory, "max-memory", 32<<20, "`bytes` of each form that are kept in memory")
	flags.BoolVar(&s.stream, "stream", false, "read forms part by part, and keep nothing of them")
	flags.BoolVar(&oneWriter, "one-writer", false, "send all events through one writer")
	flags.BoolVar(&noKafka, "no-kafka", false, "send no events")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case s.folder == "":
		return errors.New("-folder is missing")
	case !noKafka && brokers == "":
		return errors.New("-kafka-brokers is missing (-no-kafka goes without)")
	}
	if err := os.MkdirAll(s.folder, 0o777); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	switch e := (events{strings.Split(brokers, ","), topic}); {
	case noKafka:
		s.publish = func(context.Context, file) error { return nil }
	case oneWriter:
		w := e.writer()
		defer func() { err = errors.Join(err, w.Close()) }()
		s.publish = func(ctx context.Context, f file) error { return send(ctx, w, f) }
	default:
		s.publish = e.publish
	}
	return s.serve(ctx, listen, stdout)
}

// serve returns when the context has ended, and the uploads that run then, within 5 s.
func (s *service) serve(ctx context.Context, listen string, stdout io.Writer) error {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /upload", s.upload)
	mux.HandleFunc("GET /metrics", metrics)
	server := &http.Server{Handler: mux}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	fmt.Fprintln(stdout, listener.Addr())
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err = server.Shutdown(patience)
	if err != nil {
		err = errors.Join(err, server.Close())
	}
	<-served
	return err
}

// metrics says what the benchmark asks for, under the name that Prometheus's library gives it.
func metrics(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintf(w, "go_goroutines %d\n", runtime.NumGoroutine())
}
