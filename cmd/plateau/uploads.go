package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"plateau/server"
)

const uploadsHelp = `Usage: plateau uploads ls [settings]
       plateau uploads show ID... [settings]
       plateau uploads rm ID... [settings]

  ls       one line for each upload, in no order: its id, its state, how many of its bytes are there, when the last one came,
           and the name that the client gave it
  show ID  all that is known of an upload
  rm ID    remove an upload, a finished one too. Its event, if it still waits, is sent all the same. Needs the data folder to
           itself: while a server runs, exit code 2. With --store s3 it can't be seen whether a server is at work on an
           upload, so one that is not finished is removed only if its last byte is an hour old; else exit code 2

Of the settings, --data-dir says which folder; or --store s3 and the --s3- settings say which bucket.

`

// uploads shows and removes what lies in the data folder or the bucket.
func uploads(ctx context.Context, p process) int {
	return operate(ctx, p, operation{"uploads", nil, runUploads})
}

func runUploads(ctx context.Context, o *server.Operator, w words, out io.Writer) error {
	do, err := action(&w, "ls", "show", "rm")
	if err != nil {
		return err
	}
	if do == "ls" {
		if err := nothingMore(w); err != nil {
			return err
		}
		return o.ListUploads(ctx, func(u server.Listed) error {
			return line(out, "%s  %-9s  %s  %s  %s", u.ID, u.State, progress(u), stamp(u.Modified.Truncate(time.Second)), named(u))
		})
	}
	if len(w.operands) == 0 {
		return usage("say which upload: plateau uploads ls has their ids")
	}
	if do == "rm" {
		return o.RemoveUploads(ctx, w.operands, func(id string) error { return line(out, "removed  %s", id) })
	}
	return eachName(w.operands, func(id string) error {
		u, err := o.ShowUpload(ctx, id)
		if err != nil {
			return err
		}
		return showUpload(u, out)
	})
}

// progress is "5/10", or "5/?" while the length isn't known.
func progress(u server.Listed) string {
	if u.Size < 0 {
		return fmt.Sprintf("%d/?", u.Offset)
	}
	return fmt.Sprintf("%d/%d", u.Offset, u.Size)
}

// named is the client's name for an upload, or what is wrong with it.
func named(u server.Listed) string {
	if u.Err != nil {
		return u.Err.Error()
	}
	return u.Filename
}

func showUpload(u server.Listed, out io.Writer) error {
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return stamp(t)
	}
	for _, row := range [][2]string{
		{"id", u.ID},
		{"state", u.State},
		{"bytes", progress(u)},
		{"name", u.Filename},
		{"owner", u.Owner},
		{"created", at(u.Created)},
		{"last byte", at(u.Modified)},
		{"expires", at(u.Expires)},
	} {
		if row[1] == "" {
			continue
		}
		if err := line(out, "%-10s %s", row[0], row[1]); err != nil {
			return err
		}
	}
	if u.Err != nil {
		return line(out, "%-10s %v", "trouble", u.Err)
	}
	return nil
}
