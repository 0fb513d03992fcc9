package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"plateau/server"
)

const replayHelp = `Usage: plateau replay --since TIME [--until TIME] [settings]

Sends the events of finished uploads again, with the ids that they had: for a consumer that lost data. It adds them to the
outbox; a server that runs takes them up within seconds, with --store s3 within half a minute; without one they wait for its
start. Uploads that were removed have no events any more. One line is written for each. With a data folder, be the user that
the server runs as; with --store s3 it looks at every upload, and adds the event of one that waits only once.

  --since TIME  from the first upload that was finished then or later: a time such as 2026-11-29T05:00:00Z, or how long ago,
                such as 24h
  --until TIME  to the last that was finished before then; default now

`

// replay adds events of finished uploads to the outbox again.
func replay(ctx context.Context, p process) int {
	return operate(ctx, p, operation{"replay", map[string]bool{"since": true, "until": true}, runReplay})
}

func runReplay(ctx context.Context, o *server.Operator, w words, out io.Writer) error {
	if err := nothingMore(w); err != nil {
		return err
	}
	now := time.Now()
	since, err := parseTime("since", w.flags, now, time.Time{})
	if err != nil {
		return err
	}
	if since.IsZero() {
		return usage("--since is missing: a time such as 2026-11-29T05:00:00Z, or how long ago, such as 24h")
	}
	until, err := parseTime("until", w.flags, now, now)
	if err != nil {
		return err
	}
	if !since.Before(until) {
		return usage("--since must be before --until")
	}
	n := 0
	err = o.Replay(ctx, since, until, func(id string, finishedAt time.Time) error {
		n++
		return line(out, "waiting  %s  %s", id, stamp(finishedAt))
	})
	if err != nil {
		return fmt.Errorf("after %d events: %w", n, err)
	}
	return line(out, "%d events will be sent again", n)
}

// parseTime reads a time, or how long before now.
func parseTime(name string, flags map[string]string, now, fallback time.Time) (time.Time, error) {
	text, given := flags[name]
	if !given {
		return fallback, nil
	}
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return at, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	return time.Time{}, usage("--%s must be a time such as 2026-11-29T05:00:00Z, or how long ago, such as 24h, but is %q", name, text)
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }
