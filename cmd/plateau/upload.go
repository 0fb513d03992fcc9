package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os/signal"
	"syscall"
	"time"

	"plateau/client"
)

const (
	exitUnfinished  = 3
	exitInterrupted = 130 // what shells say of a program that Ctrl-C ended

	stopPatience = 2 * time.Second // from a signal to the end, whatever stands still
)

// upload sends files to a server.
func upload(ctx context.Context, p process) int {
	f, err := parseUpload(p)
	if errors.Is(err, flag.ErrHelp) {
		return help(p, "upload")
	}
	if err != nil {
		fail(p, err)
		return exitUsage
	}
	if f.options.State == "" {
		fmt.Fprintln(p.stderr, "plateau: HOME isn't set, so a later run begins every file anew; --state FOLDER helps")
	}
	if !f.quiet {
		f.options.Watch = client.Show(p.stderr, variable(p.environ, "TERM") == "dumb")
	} else {
		f.options.Watch = troubles(p.stderr)
	}
	c, err := client.New(f.options)
	if err != nil {
		fail(p, err)
		return exitUsage
	}
	// A reader of the addresses that goes away is an error of a write, and no reason to die in the middle of a file.
	signal.Ignore(syscall.SIGPIPE)
	defer signal.Reset(syscall.SIGPIPE)
	code := make(chan int, 1)
	go func() {
		defer c.Close()
		code <- uploadAll(ctx, p, c, f.files)
	}()
	select {
	case code := <-code:
		return code
	case <-ctx.Done():
	}
	select {
	case code := <-code:
		return code
	case <-time.After(stopPatience):
		return exitInterrupted // it is in a write to a pipe that nobody reads, and can't be waited for
	}
}

// uploadAll uploads one file after another; one that fails doesn't hinder the others.
func uploadAll(ctx context.Context, p process, c *client.Client, files []string) int {
	refused, unfinished := 0, 0
	var unsaid error // the first trouble with standard output
	for _, file := range files {
		address, err := c.Upload(ctx, file)
		if err == nil {
			if _, err := fmt.Fprintln(p.stdout, address); err != nil && unsaid == nil {
				unsaid = fmt.Errorf("write the address of %s, which is uploaded: %w", file, err)
			}
			continue
		}
		if ctx.Err() != nil {
			say(p.stderr, "stopped at %s (%v)%s", file, context.Cause(ctx), hint(err))
			return exitInterrupted
		}
		say(p.stderr, "%s: %v%s", file, err, hint(err))
		if _, ok := errors.AsType[*client.UnfinishedError](err); ok {
			unfinished++
		} else {
			refused++
		}
	}
	if len(files) > 1 && refused+unfinished > 0 {
		say(p.stderr, "%d of %d files uploaded, %d refused, %d to go on with",
			len(files)-refused-unfinished, len(files), refused, unfinished)
	}
	if unsaid != nil {
		say(p.stderr, "%v", unsaid)
	}
	switch {
	case refused > 0 || unsaid != nil:
		return exitFailure
	case unfinished > 0:
		return exitUnfinished
	}
	if err := c.Forget(); err != nil {
		say(p.stderr, "warning: %v", err)
	}
	return exitOK
}

// say writes a line. Names of files and words of a server may hold anything.
func say(w io.Writer, format string, args ...any) {
	fmt.Fprintln(w, client.Printable("plateau: "+fmt.Sprintf(format, args...)))
}

// hint says what a user of this command can do about an error.
func hint(err error) string {
	if e, ok := errors.AsType[*client.StatusError](err); ok && (e.Unauthorized || e.Status == 403) {
		return "; the token comes from --token-file or " + tokenVariable + ", and with another one the same command goes on"
	}
	if errors.Is(err, client.ErrChanged) {
		return "; upload it again"
	}
	e, ok := errors.AsType[*client.UnfinishedError](err)
	switch {
	case !ok || errors.Is(err, client.ErrBusy):
		return ""
	case e.Kept:
		return "; nothing of it is lost, the same command goes on with it"
	}
	return "; the same command begins it anew, since it isn't remembered where it was"
}

// troubles shows warnings, and of each file the first trouble that it waits for.
func troubles(w io.Writer) func(client.Event) {
	waits := false
	return func(e client.Event) {
		switch {
		case e.Kind == client.Started:
			waits = false
		case e.Kind == client.Warning:
			say(w, "%s: warning: %v", e.File, e.Err)
		case e.Kind == client.Waiting && !waits:
			waits = true
			say(w, "%s: %v; trying again and again", e.File, e.Err)
		}
	}
}
