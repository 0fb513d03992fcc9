package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestFaults makes each system call fail that the server makes on its data folder while it creates, writes, finishes,
// serves and removes an upload, and makes its event safe: one call at a time, with EIO, ENOSPC and EDQUOT. The client hears the
// right answer, nothing is acknowledged that is not there, the upload can be gone on with, and so can the server. What was
// acknowledged in the end is announced, and nothing else is.
func TestFaults(t *testing.T) {
	needStrace(t)
	for _, op := range operations {
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			f := &faults{operation: op, t: t, ctx: bounded(t), data: t.TempDir(), owed: map[string]int{}}
			f.content = make([]byte, faultSize)
			random := seeded(t)
			for i := range f.content {
				f.content[i] = byte(random.Uint32())
			}
			// What fails of the journal is TestFaultsOfACrowd's: the first upload of a server is not in it.
			f.server = startPlateau(f.ctx, t, f.data, "--journal-size", "0")
			f.all()
		})
	}
}

// faults is the run of one operation through all its calls.
type faults struct {
	operation
	t       *testing.T
	ctx     context.Context
	data    string
	content []byte
	server  *plateau
	cases   int
	minute  string         // the folder of the outbox into which the request's event goes
	owed    map[string]int // how many events each upload must have in the end
	unread  bool           // the relay could not read an entry
}

// all learns which calls the operation makes and lets each of them fail.
func (f *faults) all() {
	calls := f.baseline()
	f.t.Logf("the calls of this operation: %v", calls)
	if f.kind == "DELETE" {
		for _, c := range calls {
			if c.grows {
				f.t.Errorf("DELETE needs space on the disk: %s", c)
			}
		}
	}
	for _, errno := range []string{"EIO", "ENOSPC", "EDQUOT"} {
		f.each(calls, errno)
	}
	f.wantAnnounced()
	f.t.Logf("%d cases", f.cases)
}

// each lets each of the calls fail with errno. strace counts the calls of each thread by itself, and the server's threads share
// the work as they like: the nth call of a thread may be any, so what was hit is read from the trace, and misses are tried again.
func (f *faults) each(calls []call, errno string) {
	var hit []string
	inject := func(target call, when string) {
		for _, c := range f.inject(target, errno, when) {
			hit = append(hit, c.String())
		}
	}
	missed := func(c call) bool { return !slices.Contains(hit, c.String()) }
	if fullWanted() {
		for _, name := range names(calls) {
			for n := range count(calls, func(c call) bool { return c.name == name }) {
				inject(call{name: name}, strconv.Itoa(n+1))
				if !onSockets(name) || f.kind != "POST" { // see only
					inject(call{name: name}, strconv.Itoa(n+1)+"+")
				}
			}
		}
	}
	for _, c := range calls {
		// On what it is about alone, it is the first of its thread.
		for try := 0; try < 40 && missed(c) && f.path(c, "ID") != ""; try++ {
			inject(c, strconv.Itoa(1+try/20))
		}
		// What a POST creates is not known before; and files and sockets share some calls.
		most := count(calls, func(other call) bool { return other.name == c.name })
		for try := 0; try < 80 && missed(c); try++ {
			inject(call{name: c.name}, strconv.Itoa(1+try%most))
		}
		if missed(c) {
			f.t.Errorf("%s was never made to fail with %s", c, errno)
		}
	}
}

// onSockets says whether sockets make this call too.
func onSockets(name string) bool { return slices.Contains([]string{"read", "write", "close"}, name) }

// only makes strace look at the upload's files alone if otherwise the call might fail on a socket. A POST's are not known.
func (f *faults) only(name, address string) []string {
	if !onSockets(name) || f.kind == "POST" {
		return nil
	}
	file := filepath.Join(f.server.uploads(), idOf(address))
	return []string{"-P", file, "-P", file + ".info", "-P", file + ".info.tmp"}
}

// path is what strace is to look at to see a call, once the upload's id is known; empty for a POST, whose is not. It is the file
// of the call's descriptor, or the name that the call has of a file in a folder.
func (f *faults) path(c call, id string) string {
	minute := f.minute
	if !f.unsealed {
		minute = time.Now().UTC().Format(minuteFolder)
	}
	name := strings.ReplaceAll(strings.ReplaceAll(c.on, "MINUTE", minute), "ID", id)
	switch {
	case f.kind == "POST" && strings.Contains(c.on, "ID"):
		return ""
	case strings.HasSuffix(c.name, "at") && c.name != "fstat":
		return name
	case c.on == filepath.Base(f.server.uploads()):
		return f.server.uploads()
	case c.on == "pending":
		return filepath.Join(f.data, "outbox", name)
	case c.on == "MINUTE":
		return filepath.Join(f.data, "outbox", "pending", name)
	case !strings.HasPrefix(c.on, "ID"):
		return ""
	}
	return filepath.Join(f.server.uploads(), name)
}

func names(calls []call) []string {
	var list []string
	for _, c := range calls {
		if !slices.Contains(list, c.name) {
			list = append(list, c.name)
		}
	}
	return list
}

// baseline runs the operation without a fault and returns the calls it makes on the data folder.
func (f *faults) baseline() []call {
	client := newTus(f.ctx, f.server.files)
	address := f.prepared(client)
	tracer := attach(f.ctx, f.t, &f.server.process, "-e", "trace=%file,%desc")
	a := f.request(client, address, f.content)
	calls, _ := tracer.detach(f.t, f.data)
	if a.status/100 != 2 {
		f.t.Fatalf("without a fault: %v", a)
	}
	f.owe(a, address)
	// epoll and fcntl do nothing to a file. What the relay does is another test's.
	return slices.DeleteFunc(calls, func(c call) bool {
		once := c.on == "pending" || c.on == "MINUTE" && !isSync(c) // each minute, but each time where then was long ago
		return strings.HasPrefix(c.name, "epoll") || c.name == "fcntl" || c.name == "getdents64" || c.on == "TIME-ID" ||
			c.name == "unlinkat" && c.on == "MINUTE" || once && !f.unsealed
	})
}

// prepared makes what the request needs.
func (f *faults) prepared(client *tus) string {
	f.t.Helper()
	address := f.prepare(f.t, client, f.content)
	await(f.ctx, f.t, "no event waits", func() bool { return len(waitingEvents(f.t, f.data)) == 0 })
	file := filepath.Join(f.server.uploads(), idOf(address))
	var err error
	switch {
	case f.unsealed:
		// Long ago, so that the folder of that minute has to be made.
		then := time.Now().Add(-time.Duration(1+f.cases) * time.Hour)
		f.minute = then.UTC().Format(minuteFolder)
		err = errors.Join(os.Chmod(file, 0o644), os.Chtimes(file, then, then))
	case f.damaged:
		err = os.Rename(file, file+".damaged")
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return address
}

// inject lets calls of the target's name fail while the request runs, on its file if it has one: the nth, or with "n+" all
// from the nth on. It judges the outcome and returns what was hit.
func (f *faults) inject(target call, errno, when string) []call {
	f.t.Helper()
	f.cases++
	client := newTus(f.ctx, f.server.files)
	address := f.prepared(client)
	before, said := f.folder(), len(f.server.log.String())
	name, only := target.name, f.only(target.name, address)
	if target.on != "" {
		only = []string{"-P", f.path(target, idOf(address))}
	}
	tracer := attach(f.ctx, f.t, &f.server.process, append(only,
		"-e", "trace="+name, "-e", fmt.Sprintf("inject=%s:error=%s:when=%s", name, errno, when))...)
	a := f.request(client, address, f.content)
	if strings.HasSuffix(when, "+") && f.acknowledged > 0 {
		if head := client.head(address); !slices.Contains([]int{http.StatusOK, http.StatusLocked, http.StatusGone}, head.status) &&
			(f.kind != "DELETE" || head.status != http.StatusNotFound) {
			f.t.Errorf("%s while %s fails with %s from the %s call: HEAD says %v", f.name, name, errno, when, head)
		}
	}
	calls, elsewhere := tracer.detach(f.t, f.data)
	hit := slices.DeleteFunc(calls, func(c call) bool { return !c.injected })
	if elsewhere > 0 {
		// A socket failed too, or the runtime's own event descriptor, which ends any Go program: nothing can be said.
		f.server.kill()
		f.server.start(f.ctx, f.t)
		return nil
	}
	what := fmt.Sprintf("%s with %v failing with %s", f.name, hit, errno)
	if !f.server.alive() {
		f.t.Fatalf("%s: the server ended", what)
	}
	f.unread = f.unread || slices.ContainsFunc(hit, func(c call) bool { return c.on == "TIME-ID" })
	if slices.ContainsFunc(hit, func(c call) bool { return endsFinishes(c, errno) }) {
		f.wantNoFinish(what, client)
	}
	if a.err == nil && a.status/100 == 2 {
		if f.kind == "POST" {
			address = a.header.Get("Location")
		}
		f.wantWhole(what, client, address, a)
		f.owe(a, address)
		return hit
	}
	if len(hit) == 0 {
		f.t.Errorf("%s: %v", what, a)
		return nil
	}
	f.wantAnswer(what, a, errno, hit)
	// Go's library keeps these two to itself: the log says that a part came out too short, or only that the answer is an error.
	if !slices.ContainsFunc(hit, func(c call) bool { return c.name == "lseek" || c.name == "copy_file_range" }) {
		f.wantSaid(what, errno, said)
	}
	if f.kind == "POST" {
		if left := f.left(before, hit); len(left) > 0 {
			f.t.Errorf("%s: %d, but this was left: %v", what, a.status, left)
		}
		f.wantNothingAnnounced(what)
		if again := f.request(client, address, f.content); again.status != http.StatusCreated {
			f.t.Errorf("%s: %v, and asked again it hears %v", what, a, again)
		} else {
			f.wantWhole(what, client, again.header.Get("Location"), again)
			f.owe(again, address)
		}
	} else {
		f.wantRest(what, client, address, a, hit)
	}
	f.wantWorking(what, client)
	return hit
}
