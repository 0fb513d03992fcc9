package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"plateau/server"
)

const outboxHelp = `Usage: plateau outbox ls [--dead] [settings]
       plateau outbox show NAME... [settings]
       plateau outbox retry NAME... | --all [settings]

The outbox holds the events of finished uploads until they are delivered. Dead are those that can never be: the receiver
refused them, or they are too large.

  ls            one line for each event: waiting or dead, its name, the upload's id, and why it is dead. --dead: only these
  show NAME     the event as it would be sent, in CloudEvents' JSON format, a line each
  retry NAME    let a dead event wait again; --all: every dead one. A server that runs takes it up within seconds, with
                --store s3 within half a minute

All of it may be done while a server runs; with a data folder, by the user that the server runs as. Of the settings,
--data-dir says which outbox, or --store s3 with the --s3- settings, and --event-source what show says of the source.

`

// outbox shows the events that wait, and lets dead ones wait again.
func outbox(ctx context.Context, p process) int {
	return operate(ctx, p, operation{"outbox", map[string]bool{"dead": false, "all": false}, runOutbox})
}

func runOutbox(ctx context.Context, o *server.Operator, w words, out io.Writer) error {
	do, err := action(&w, "ls", "show", "retry")
	if err != nil {
		return err
	}
	if err := onlyFlags(w, do, map[string]string{"dead": "ls", "all": "retry"}); err != nil {
		return err
	}
	switch do {
	case "ls":
		if err := nothingMore(w); err != nil {
			return err
		}
		return listEvents(ctx, o, w.flags["dead"] == "true", out)
	case "show":
		if len(w.operands) == 0 {
			return usage("say which event: plateau outbox ls has their names")
		}
		return eachName(w.operands, func(name string) error { return showEvent(ctx, o, name, out) })
	}
	names := w.operands
	if w.flags["all"] == "true" {
		if err := nothingMore(w); err != nil {
			return err
		}
		err := o.ListEvents(ctx, true, func(e server.WaitingEvent) error {
			if e.UploadID != "" { // what is no entry can't be sent
				names = append(names, e.Name)
			}
			return nil
		})
		if err != nil {
			return err
		}
	} else if len(names) == 0 {
		return usage("say which event: plateau outbox ls --dead has their names, --all means every dead one")
	}
	return eachName(names, func(name string) error {
		if err := o.RetryEvent(ctx, name); err != nil {
			return err
		}
		return line(out, "waiting  %s", name)
	})
}

func listEvents(ctx context.Context, o *server.Operator, onlyDead bool, out io.Writer) error {
	show := func(e server.WaitingEvent) error {
		if e.Dead {
			return line(out, "dead     %s  %s  %s", e.Name, e.UploadID, e.Reason)
		}
		return line(out, "waiting  %s  %s", e.Name, e.UploadID)
	}
	if !onlyDead {
		if err := o.ListEvents(ctx, false, show); err != nil {
			return err
		}
	}
	return o.ListEvents(ctx, true, show)
}

func showEvent(ctx context.Context, o *server.Operator, name string, out io.Writer) error {
	e, err := o.ShowEvent(ctx, name)
	if err != nil {
		return err
	}
	if e.JSON == nil {
		return fmt.Errorf("%s is no event: %s", name, e.Reason)
	}
	// JSON has no control characters in it.
	if _, err := fmt.Fprintf(out, "%s\n", e.JSON); err != nil {
		return fmt.Errorf("write to standard output: %w", err)
	}
	return nil
}

// eachName does something with each; one that fails doesn't hinder the others.
func eachName(names []string, do func(name string) error) error {
	var errs []error
	for _, name := range names {
		if err := do(name); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
