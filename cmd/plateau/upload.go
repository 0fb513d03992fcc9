package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"plateau/client"
)

const (
	exitUnfinished  = 3
	exitInterrupted = 130 // what shells say of a program that Ctrl-C ended
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
		fmt.Fprintln(p.stderr, "plateau: HOME isn't set, so a later run won't know where this one stopped; --state FOLDER helps")
	}
	if !f.quiet {
		f.options.Watch = client.Show(p.stderr, variable(p.environ, "TERM") == "dumb")
	} else {
		f.options.Watch = warnings(p.stderr)
	}
	c, err := client.New(f.options)
	if err != nil {
		fail(p, err)
		return exitUsage
	}
	defer c.Close()
	return uploadAll(ctx, p, c, f.files)
}

// uploadAll uploads one file after another; one that fails doesn't hinder the others.
func uploadAll(ctx context.Context, p process, c *client.Client, files []string) int {
	refused, unfinished := 0, 0
	for _, file := range files {
		address, err := c.Upload(ctx, file)
		if err == nil {
			if _, err := fmt.Fprintln(p.stdout, address); err != nil {
				return fail(p, fmt.Errorf("write the address of %s, which is uploaded: %w", file, err))
			}
			continue
		}
		if ctx.Err() != nil {
			fmt.Fprintf(p.stderr, "plateau: stopped at %s (%v); nothing is lost, the same command goes on\n", file, context.Cause(ctx))
			return exitInterrupted
		}
		fmt.Fprintf(p.stderr, "plateau: %s: %v%s\n", file, err, hint(err))
		if _, ok := errors.AsType[*client.UnfinishedError](err); ok {
			unfinished++
		} else {
			refused++
		}
	}
	if len(files) > 1 && refused+unfinished > 0 {
		fmt.Fprintf(p.stderr, "plateau: %d of %d files uploaded, %d refused, %d to go on with\n",
			len(files)-refused-unfinished, len(files), refused, unfinished)
	}
	switch {
	case refused > 0:
		return exitFailure
	case unfinished > 0:
		return exitUnfinished
	}
	return exitOK
}

// hint says what a user of this command can do about an error.
func hint(err error) string {
	if e, ok := errors.AsType[*client.StatusError](err); ok && (e.Status == 401 || e.Status == 403) {
		return "; the token comes from " + tokenVariable
	}
	if errors.Is(err, client.ErrChanged) {
		return "; upload it again"
	}
	if _, ok := errors.AsType[*client.UnfinishedError](err); ok && !errors.Is(err, client.ErrBusy) {
		return "; nothing is lost, the same command goes on"
	}
	return ""
}

// warnings shows nothing else.
func warnings(w io.Writer) func(client.Event) {
	return func(e client.Event) {
		if e.Kind == client.Warning {
			fmt.Fprintf(w, "plateau: %s: warning: %v\n", e.File, e.Err)
		}
	}
}
