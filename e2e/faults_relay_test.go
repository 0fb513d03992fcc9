package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestFaultsOfDelivery makes the calls fail by which events are read from the outbox, delivered, removed from it and given up,
// from the server's start, with EIO and ENOSPC. No event is lost: it is delivered, waits, or lies among the dead with a reason,
// from where an operator brings it back; the server says what is wrong, and recovers by itself when the fault is over. Where it
// can't believe its disk any more, an fsync that failed with EIO, it does so after a restart.
func TestFaultsOfDelivery(t *testing.T) {
	needStrace(t)
	for _, f := range deliveryFaults {
		if f.slow && !fullWanted() {
			continue
		}
		for _, errno := range []string{"EIO", "ENOSPC"} {
			t.Run(f.name+" "+errno, func(t *testing.T) {
				t.Parallel()
				runDelivery(boundedBy(t, time.Minute), t, f, errno)
			})
		}
	}
}

// deliveryFault is a call that fails while events are delivered.
type deliveryFault struct {
	name, call string
	// path is what the call is about, below the outbox; "entry" stands for an entry, "folder" for its folder, "reason" for the
	// file with the reason why it is dead. Where the call names it in a folder, strace wants the name alone.
	path string
	// garbled is an event that has to be given up; without it, the outbox has a good one.
	garbled bool
	// unread: the event may be given up, though it is a good one, for it could not be read.
	unread bool
	// slow: the server looks again only after ten seconds or twenty. CI leaves it out.
	slow bool
}

var deliveryFaults = []deliveryFault{
	{name: "open the folder of a minute", call: "openat", path: "folder", slow: true},
	{name: "list the folder of a minute", call: "getdents64", path: "folder", slow: true},
	{name: "list the outbox", call: "getdents64", path: "pending"},
	{name: "open an entry", call: "openat", path: "entry", unread: true},
	{name: "read an entry", call: "read", path: "entry", unread: true},
	{name: "remove a delivered entry", call: "unlinkat", path: "entry"},
	{name: "make the reason", call: "openat", path: "reason", garbled: true},
	{name: "write the reason", call: "write", path: "reason", garbled: true},
	{name: "fsync the reason", call: "fsync", path: "reason", garbled: true},
	{name: "move to the dead", call: "renameat", path: "entry", garbled: true},
	{name: "fsync the dead", call: "fsync", path: "dead", garbled: true},
	{name: "fsync what it was moved from", call: "fsync", path: "folder", garbled: true},
}

// TestFaultsOfTheSink lets the writing of an event to standard output fail. It is written again a little later.
func TestFaultsOfTheSink(t *testing.T) {
	needStrace(t)
	for _, errno := range []string{"EIO", "ENOSPC"} {
		t.Run(errno, func(t *testing.T) {
			t.Parallel()
			ctx := boundedBy(t, time.Minute)
			server := startPlateau(ctx, t, t.TempDir())
			said := len(server.log.String())
			tracer := attach(ctx, t, &server.process, "-P", server.stdoutPath(t), "-e", "trace=write", "-e", "inject=write:error="+errno)
			id := idOf(newTus(ctx, server.files).mustCreate(t, 0, nil))
			await(ctx, t, "the server says what is wrong", func() bool { return hasSaid(server, said, errno) })
			if !waitingEvents(t, server.data)[id] {
				t.Error("the event is not in the outbox, though it could not be delivered")
			}
			tracer.end(t)
			await(ctx, t, "the event is delivered", func() bool { return server.events()[id] == 1 && len(waitingEvents(t, server.data)) == 0 })
		})
	}
}

func runDelivery(ctx context.Context, t *testing.T, f deliveryFault, errno string) {
	t.Helper()
	data := t.TempDir()
	server := startPlateau(ctx, t, data)
	client := newTus(ctx, server.files)
	id := idOf(client.mustCreate(t, 0, nil))
	await(ctx, t, "the event is delivered", func() bool { return server.events()[id] == 1 && len(waitingEvents(t, data)) == 0 })
	terminate(ctx, t, server)

	// The event waits once more, as if the server had been killed just before it could send it.
	info, err := os.Stat(filepath.Join(server.uploads(), id))
	if err != nil {
		t.Fatal(err)
	}
	at := info.ModTime().UTC()
	outbox := filepath.Join(data, "outbox")
	folder := filepath.Join(outbox, "pending", at.Format(minuteFolder))
	entry := at.Format("20060102T150405.000000000Z-") + id
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if f.garbled {
		err = os.WriteFile(filepath.Join(folder, entry), []byte("{"), 0o644)
	} else {
		err = os.Link(filepath.Join(server.uploads(), id+".info"), filepath.Join(folder, entry))
	}
	if err != nil {
		t.Fatal(err)
	}

	said := len(server.log.String())
	path := filepath.Join(outbox, f.path)
	switch f.path {
	case "folder":
		path = folder
	case "entry":
		path = filepath.Join(folder, entry)
	case "reason":
		path = filepath.Join(outbox, "dead", entry+".reason")
	}
	if strings.HasSuffix(f.call, "at") {
		path = filepath.Base(path)
	}
	server.startTraced(ctx, t, f.call, path, errno)
	dead := func() bool {
		_, err := os.Stat(filepath.Join(outbox, "dead", entry))
		return err == nil
	}
	delivered := func() bool { return server.events()[id] >= 2 && len(waitingEvents(t, data)) == 0 }
	final := func() bool { return delivered() && !f.garbled || dead() && (f.garbled || f.unread) }
	if f.call == "fsync" && errno == "EIO" {
		await(ctx, t, "the server has met the fault", func() bool { return hasSaid(server, said, errno) })
		server.kill()
		server.start(ctx, t)
	}
	await(ctx, t, "the event is delivered, or given up", final)
	await(ctx, t, "the server says what was wrong", func() bool { return hasSaid(server, said, errno) })
	if !dead() {
		return
	}
	reason, err := os.ReadFile(filepath.Join(outbox, "dead", entry+".reason"))
	if err != nil || len(strings.TrimSpace(string(reason))) == 0 {
		t.Errorf("it was given up for the reason %q, error %v", reason, err)
	}
	if f.garbled {
		if text, err := os.ReadFile(filepath.Join(outbox, "dead", entry)); string(text) != "{" {
			t.Errorf("what was given up is now %q, error %v", text, err)
		}
		return
	}
	server.kill() // strace ends with it
	if text, err := server.operate(ctx, nil, "outbox", "retry", entry, "--data-dir", data); err != nil {
		t.Errorf("plateau outbox retry: %v\n%s", err, text)
	}
	server.start(ctx, t)
	await(ctx, t, "the event is delivered after all", delivered)
}

// hasSaid says whether the log speaks of an error since some point.
func hasSaid(server *plateau, since int, errno string) bool {
	reason := map[string]error{"EIO": syscall.EIO, "ENOSPC": syscall.ENOSPC, "EDQUOT": syscall.EDQUOT}[errno].Error()
	return strings.Contains(server.log.String()[since:], reason)
}
