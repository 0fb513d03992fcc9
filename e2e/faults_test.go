package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestFaults makes each system call fail that the server makes on its data folder while it creates, writes, finishes,
// serves and removes an upload: one call at a time, with EIO, ENOSPC and EDQUOT. The client hears the right answer, nothing is acknowledged that
// is not there, the upload can be gone on with, and so can the server.
func TestFaults(t *testing.T) {
	needStrace(t)
	for _, op := range operations {
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			f := &faults{operation: op, t: t, ctx: bounded(t), data: t.TempDir()}
			f.content = make([]byte, faultSize)
			random := seeded(t)
			for i := range f.content {
				f.content[i] = byte(random.Uint32())
			}
			f.server = startPlateau(f.ctx, t, f.data)
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
		var hit []string
		for _, name := range names(calls) {
			count := 0
			for _, c := range calls {
				if c.name == name {
					count++
				}
			}
			// strace counts the calls of each thread by itself, and the server's threads share the work as they like:
			// the nth call of a thread may be any, so what was hit is read from the trace, and misses are tried again.
			tries := max(60, 4*count)
			if onSockets(name) {
				tries = max(80, tries) // a POST's files are not known, so most of these hit a socket
			}
			for try := range tries {
				for _, c := range f.inject(call{name: name}, errno, strconv.Itoa(1+try%count)) {
					hit = append(hit, c.String())
				}
				if try >= count-1 && covered(calls, name, hit) {
					break
				}
			}
			if fullWanted() && (!onSockets(name) || f.kind != "POST") { // see only
				for n := range count {
					f.inject(call{name: name}, errno, strconv.Itoa(n+1)+"+")
				}
			}
		}
		for _, c := range calls {
			// If its thread was never the one whose nth call it was: on this file alone it is the first.
			for try := 0; try < 40 && !slices.Contains(hit, c.String()) && f.path(c, "ID") != ""; try++ {
				for _, other := range f.inject(c, errno, strconv.Itoa(1+try/20)) {
					hit = append(hit, other.String())
				}
			}
			if !slices.Contains(hit, c.String()) {
				f.t.Errorf("%s was never made to fail with %s", c, errno)
			}
		}
	}
	f.t.Logf("%d cases", f.cases)
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

// path is the file that a call is about, once the upload's id is known; empty for a POST, whose is not, and for calls that
// name a file in a folder, which strace can't tell by its path.
func (f *faults) path(c call, id string) string {
	switch {
	case strings.HasSuffix(c.name, "at") && c.name != "fstat":
		return ""
	case c.on == filepath.Base(f.server.uploads()):
		return f.server.uploads()
	case f.kind == "POST" || !strings.HasPrefix(c.on, "ID"):
		return ""
	}
	return filepath.Join(f.server.uploads(), strings.Replace(c.on, "ID", id, 1))
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

func covered(calls []call, name string, hit []string) bool {
	for _, c := range calls {
		if c.name == name && !slices.Contains(hit, c.String()) {
			return false
		}
	}
	return true
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
	// epoll and fcntl do nothing to a file.
	return slices.DeleteFunc(calls, func(c call) bool { return strings.HasPrefix(c.name, "epoll") || c.name == "fcntl" })
}

// prepared makes what the request needs.
func (f *faults) prepared(client *tus) string {
	f.t.Helper()
	address := f.prepare(f.t, client, f.content)
	file := filepath.Join(f.server.uploads(), idOf(address))
	var err error
	switch {
	case f.unsealed:
		err = os.Chmod(file, 0o644)
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
	before := f.folder()
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
	if slices.ContainsFunc(hit, func(c call) bool { return isSync(c) && c.on == "uploads" }) {
		f.wantNoFinish(what, client)
	}
	if a.err == nil && a.status/100 == 2 {
		if f.kind == "POST" {
			address = a.header.Get("Location")
		}
		f.wantWhole(what, client, address, a)
		return hit
	}
	if len(hit) == 0 {
		f.t.Errorf("%s: %v", what, a)
		return nil
	}
	f.wantAnswer(what, a, errno, hit)
	if f.kind == "POST" {
		if left := f.left(before, hit); len(left) > 0 {
			f.t.Errorf("%s: %d, but this was left: %v", what, a.status, left)
		}
		if again := f.request(client, address, f.content); again.status != http.StatusCreated {
			f.t.Errorf("%s: %v, and asked again it hears %v", what, a, again)
		} else {
			f.wantWhole(what, client, again.header.Get("Location"), again)
		}
	} else {
		f.wantRest(what, client, address, a, hit)
	}
	f.wantWorking(what, client)
	return hit
}
