package main

import (
	"context"
	"io"

	"plateau/server"
)

const expireHelp = `Usage: plateau expire [--dry-run] [settings]

Removes what the server removes by itself while it runs, at once: unfinished uploads whose last byte is older than
--expire-after, finished ones that are older than --delete-finished-after and whose event was delivered, and what crashes
left. Needs the data folder to itself: while a server runs, exit code 2. With --store s3 a server may run beside it, and an
unfinished upload is kept for an hour after its last byte, however short --expire-after is; the last line says how many are.

  --dry-run  only say what would be removed; this may be done while a server runs

`

// expire removes expired uploads without a server.
func expire(ctx context.Context, p process) int {
	return operate(ctx, p, operation{"expire", map[string]bool{"dry-run": false}, runExpire})
}

func runExpire(ctx context.Context, o *server.Operator, w words, out io.Writer) error {
	if err := nothingMore(w); err != nil {
		return err
	}
	dryRun := w.flags["dry-run"] == "true"
	verb := "removed"
	if dryRun {
		verb = "would be removed"
	}
	count, bytes := 0, int64(0)
	spared, err := o.Expire(ctx, dryRun, func(e server.Expired) error {
		count++
		bytes += e.Bytes
		return line(out, "%s  %s  %d bytes", verb, e.ID, e.Bytes)
	})
	if err != nil {
		return err
	}
	if err := line(out, "%d %s, %d bytes", count, verb, bytes); err != nil || spared == 0 {
		return err
	}
	return line(out, "%d unfinished kept: their last byte is younger than an hour", spared)
}
