package server_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

const cutSize = 300 << 10

// 50 running requests are cut by Stop at a random moment; one that was let in
// before and reads its body only after.
func TestStopCutsRunningBodies(t *testing.T) {
	random := seeded(t)
	p := prepare(t, settings(t))
	stopping := make(chan struct{})
	p.WrapRoutes(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Late") != "" {
				<-stopping
			}
			next.ServeHTTP(w, r)
		})
	})
	p.start()
	moment := int64(100 + random.IntN(700)) // of about 50 × 38 pieces
	var pieces atomic.Int64
	reached := make(chan struct{})
	progress := func() {
		if pieces.Add(1) == moment {
			close(reached)
		}
	}
	var senders []*sender
	for n := range 50 {
		location := "/files/"
		if n%2 == 0 {
			location = p.create(fmt.Sprint("Upload-Length: ", cutSize))
		}
		senders = append(senders, p.sends(location, randomText(random, cutSize), random.Uint64(), progress))
	}
	late := p.create("Upload-Length: 9")
	latePatch, latePost, lateExpecting := p.dial(), p.dial(), p.dial()
	latePatch.begin("PATCH", late, offsetStream, "Upload-Offset: 0", "Content-Length: 9", "X-Late: 1")
	lateExpecting.begin("PATCH", late, offsetStream, "Upload-Offset: 0", "Content-Length: 9", "X-Late: 1", "Expect: 100-continue")
	latePost.begin("POST", "/files/", offsetStream, "Upload-Length: 9", "Content-Length: 9", "X-Late: 1")

	await(t, "reached", reached)
	until(t, "all requests run", func() bool { return p.Running() == 53 })
	stopped := make(chan struct{})
	go func() { defer close(stopped); p.stop() }()
	until(t, "Stop has begun", func() bool { return p.Stopping() })
	close(stopping)

	for _, s := range senders {
		s.location = s.cutBy(t, 503, "ERR_SERVER_SHUTDOWN")
	}
	if a := latePatch.mustHear("PATCH"); a.status != 503 && a.status != 423 || a.get("Retry-After") == "" {
		t.Errorf("a PATCH before its first read heard %v", a)
	}
	if a := lateExpecting.mustHear("PATCH"); a.status != 503 && a.status != 423 || a.get("Retry-After") == "" {
		t.Errorf("a PATCH that waits for 100 Continue heard %v", a)
	}
	if a := latePost.mustHear("POST"); a.status != 201 || a.get("Upload-Offset") != "0" {
		t.Errorf("a POST before its first read heard %v", a)
	}
	await(t, "stopped", stopped)

	p = p.again()
	for _, s := range senders {
		p.completes(t, s.location, s.data, s.answer.get("Upload-Offset"))
	}
	p.completes(t, late, "something", "0")
}

// 50 running requests are cut, each at a random moment, by another request for
// the same upload.
func TestTakeOverCutsRunningBodies(t *testing.T) {
	random := seeded(t)
	p := run(t)
	var senders []*sender
	var moments []chan struct{}
	for range 40 {
		left, moment := int64(1+random.IntN(15)), make(chan struct{})
		location := p.create(fmt.Sprint("Upload-Length: ", cutSize))
		senders = append(senders, p.sends(location, randomText(random, cutSize), random.Uint64(), func() {
			if left--; left == 0 {
				close(moment)
			}
		}))
		moments = append(moments, moment)
	}
	for range 10 { // a POST's address is known from the folder only
		before := p.names()
		s := p.sends("/files/", randomText(random, cutSize), random.Uint64(), func() {})
		until(t, "the upload exists", func() bool {
			for _, name := range p.names() {
				if !slices.Contains(before, name) && !strings.Contains(name, ".") {
					s.location = "/files/" + name
				}
			}
			return s.location != "/files/"
		})
		moment := make(chan struct{})
		close(moment)
		senders, moments = append(senders, s), append(moments, moment)
	}
	for i, s := range senders {
		await(t, "the moment", moments[i])
		// It asks for bytes beyond the end of the running request, and sends none.
		other := p.dial()
		other.begin("PATCH", s.location, offsetStream, fmt.Sprint("Upload-Offset: ", cutSize), "Content-Length: 1000000000")
		if a := other.mustHear("PATCH"); a.status != 409 || a.code() != "ERR_MISMATCHED_OFFSET" {
			t.Errorf("the other request heard %v", a)
		}
		s.cutBy(t, 423, "ERR_UPLOAD_TAKEN_OVER")
		p.completes(t, s.location, s.data, s.answer.get("Upload-Offset"))
	}
}

// A request that waits for the lock is cut too: the lock is held by a finish,
// which nobody can cut.
func TestStopCutsWhoWaitsForTheLock(t *testing.T) {
	p := prepare(t, settings(t))
	finishing, release := p.blockFinish()
	p.start()
	location := p.create("Upload-Length: 5")
	holder, waiter := p.dial(), p.dial()
	holder.begin("PATCH", location, offsetStream, "Upload-Offset: 0", "Content-Length: 5")
	holder.send("12345")
	await(t, "finishing", finishing)
	waiter.begin("PATCH", location, offsetStream, "Upload-Offset: 0", "Content-Length: 5")
	until(t, "the second request runs", func() bool { return p.Running() == 2 })

	stopped := make(chan struct{})
	go func() { defer close(stopped); p.stop() }()
	until(t, "the body is cut", func() bool { return p.Stopping() })
	select {
	case <-stopped:
		t.Error("Stop didn't wait for a finish")
	default:
	}
	release()
	if a := waiter.mustHear("PATCH"); a.status != 503 || a.code() != "ERR_SERVER_SHUTDOWN" || a.get("Retry-After") == "" {
		t.Errorf("the waiting request heard %v", a)
	}
	if a := holder.mustHear("PATCH"); a.status != 204 {
		t.Errorf("the finishing request heard %v", a)
	}
	await(t, "stopped", stopped)
	if !p.sealed(location) {
		t.Error("not sealed")
	}
}

// A newer request for the lock displaces an older one.
func TestNewerWaiterDisplacesOlder(t *testing.T) {
	p := prepare(t, settings(t))
	finishing, release := p.blockFinish()
	p.start()
	location := p.create("Upload-Length: 5")
	holder, older, newer := p.dial(), p.dial(), p.dial()
	holder.begin("PATCH", location, offsetStream, "Upload-Offset: 0", "Content-Length: 5")
	holder.send("12345")
	await(t, "finishing", finishing)
	older.begin("PATCH", location, offsetStream, "Upload-Offset: 0", "Content-Length: 5")
	until(t, "the older request runs", func() bool { return p.Bodies() == 2 })
	newer.begin("PATCH", location, offsetStream, "Upload-Offset: 4", "Content-Length: 1")
	heard := make(chan answer, 2)
	var hearing sync.WaitGroup
	defer hearing.Wait()
	for _, w := range []*wire{older, newer} { // which comes to the lock first isn't known for sure
		hearing.Go(func() {
			a, _ := w.hear("PATCH") // none has status 0
			heard <- a
		})
	}
	if a := <-heard; a.status != 423 || a.code() != "ERR_UPLOAD_LOCKED" || a.get("Retry-After") == "" {
		t.Errorf("the displaced request heard %v", a)
	}
	release()
	if a := holder.mustHear("PATCH"); a.status != 204 {
		t.Errorf("the holder heard %v", a)
	}
	if a := <-heard; a.status != 409 {
		t.Errorf("the newer request heard %v", a)
	}
}

// HEAD reports what is there and doesn't cut the request that is sending.
func TestHeadDoesNotCut(t *testing.T) {
	p := run(t)
	location := p.create("Upload-Length: 10")
	w := p.dial()
	w.begin("PATCH", location, offsetStream, "Upload-Offset: 0", "Content-Length: 10")
	w.send("12345")
	until(t, "HEAD says 5", func() bool { return p.offset(location) == "5" })
	w.send("67890")
	if a := w.mustHear("PATCH"); a.status != 204 || a.get("Upload-Offset") != "10" {
		t.Errorf("PATCH heard %v", a)
	}
	if got := p.data(location); got != "1234567890" {
		t.Errorf("the file has %q", got)
	}
}

// DELETE takes over as well.
func TestDeleteCuts(t *testing.T) {
	p := run(t)
	location := p.create("Upload-Length: 10")
	w := p.dial()
	w.begin("PATCH", location, offsetStream, "Upload-Offset: 0", "Content-Length: 10")
	w.send("12345")
	until(t, "the bytes are there", func() bool { return p.data(location) == "12345" })
	if a := p.do("DELETE", location, ""); a.status != 204 {
		t.Errorf("DELETE heard %v", a)
	}
	if a := w.mustHear("PATCH"); a.status != 423 || a.code() != "ERR_UPLOAD_TAKEN_OVER" {
		t.Errorf("PATCH heard %v", a)
	}
	if a := p.do("HEAD", location, ""); a.status != 404 {
		t.Errorf("HEAD heard %v", a)
	}
	if files := p.folder(); len(files) > 0 {
		t.Errorf("left over: %v", files)
	}
}
