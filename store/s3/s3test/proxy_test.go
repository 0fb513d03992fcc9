package s3test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Bodies are passed on as they come, both ways: each side waits for the other to have had the beginning.
func TestBodiesStream(t *testing.T) {
	begun, answered := make(chan struct{}), make(chan struct{})
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		one := make([]byte, 1)
		_, _ = io.ReadFull(r.Body, one)
		close(begun)
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(one)
		_ = http.NewResponseController(w).Flush()
		select {
		case <-answered:
		case <-time.After(patience):
		}
	}))
	defer backend.Close()
	p := StartProxy(t, &Gateway{addr: backend.Listener.Addr().String()})
	read, write := io.Pipe()
	go func() {
		_, _ = write.Write([]byte("a"))
		<-begun
		_ = write.Close()
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, p.Endpoint+"/b/k", read)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	one := make([]byte, 1)
	if _, err := io.ReadFull(resp.Body, one); err != nil || one[0] != 'a' {
		t.Errorf("the answer begins with %q: %v", one, err)
	}
	close(answered)
}

// The gateway's answer to a body that it doesn't want to read reaches the client each time. (Without a proxy it is lost every
// now and then.)
func TestEarlyAnswer(t *testing.T) {
	b := newBench(t)
	b.put("key", "x")
	large := make([]byte, 8<<20)
	for range 20 {
		b.want(http.StatusPreconditionFailed, http.MethodPut, b.path+"/key", large, "If-None-Match", "*")
		b.want(http.StatusPreconditionFailed, http.MethodPut, b.path+"/key", large, "If-None-Match", "*", "Expect", "100-continue")
	}
	b.want(http.StatusOK, http.MethodPut, b.path+"/new", large, "If-None-Match", "*", "Expect", "100-continue")
}

// A client keeps its connection, also when the gateway starts anew.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	g := Start(t)
	p := StartProxy(t, g)
	c := newClient(t, g, p.Endpoint)
	var made atomic.Int64
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{ConnectStart: func(string, string) { made.Add(1) }})
	for i := range 5 {
		if i == 3 {
			g.Restart(t)
		}
		if status, _, err := c.doIn(ctx, http.MethodPut, "/"+g.Bucket+"/key", strings.NewReader("x")); err != nil || status != 200 {
			t.Fatalf("status %d, error %v", status, err)
		}
	}
	if made.Load() != 1 {
		t.Errorf("%d connections", made.Load())
	}
	g.Stop()
	if status, _, err := c.do(http.MethodGet, "/", nil); err == nil {
		t.Errorf("without a gateway it answers %d", status)
	}
}

// However many calls there are at once, the fault meets one.
func TestCrowd(t *testing.T) {
	b := newBench(t)
	const clients, each = 16, 20
	b.proxy.On(Nth(PutObject, clients*each/2, DropAfter()))
	var dropped atomic.Int64
	var crowd sync.WaitGroup
	for i := range clients {
		crowd.Go(func() {
			for j := range each {
				switch status, _ := b.put(fmt.Sprintf("%d-%d", i, j), "content"); status {
				case 200:
				case 0:
					dropped.Add(1)
				default:
					t.Errorf("status %d", status)
				}
			}
		})
	}
	crowd.Wait()
	if dropped.Load() != 1 || b.proxy.Counts()[PutObject] != clients*each {
		t.Errorf("%d of %d calls were dropped", dropped.Load(), b.proxy.Counts()[PutObject])
	}
	for i, call := range b.proxy.Calls() {
		if call.N != i+1 {
			t.Fatalf("call %d has the number %d", i+1, call.N)
		}
	}
}

// Away is a reset for whoever is connected, a refusal for whoever comes, and then over.
func TestAway(t *testing.T) {
	b := newBench(t)
	b.put("key", "x")
	arrived := make(chan struct{})
	b.proxy.On(Nth(GetObject, 1, Before(func() { close(arrived) }, HangBefore(nil))))
	ended := make(chan error)
	go func() {
		_, _, err := b.do(http.MethodGet, b.path+"/key", nil)
		ended <- err
	}()
	<-arrived
	b.proxy.Away(true)
	b.proxy.Away(true) // once more is nothing
	if err := <-ended; !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the call that hung: %v", err) // refused when net/http asked again
	}
	if _, _, err := b.do(http.MethodGet, b.path+"/key", nil); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a call while it is away: %v", err)
	}
	b.proxy.Away(false)
	b.proxy.Away(false)
	b.want(200, http.MethodGet, b.path+"/key", nil)

	// From a call itself: that is one that ends without an answer.
	b.proxy.On(Nth(PutObject, 1, After(func() { b.proxy.Away(true) }, Pass())))
	if status, _ := b.put("other", "y"); status != 0 || b.stored("other") != "y" {
		t.Errorf("status %d, stored %q", status, b.stored("other"))
	}
	b.proxy.Away(false)
	b.want(200, http.MethodGet, b.path+"/other", nil)
}

// A proxy leaves nothing behind, whatever was going on when its test ended.
func TestLeavesNothing(t *testing.T) {
	t.Run("busy", func(t *testing.T) {
		b := newBench(t)
		b.put("key", "x")
		var arrived, clients sync.WaitGroup
		arrived.Add(8)
		b.proxy.On(func(c Call) Fault {
			if c.Operation == PutObject {
				return Before(arrived.Done, HangBefore(nil))
			}
			return After(arrived.Done, HangAfter(nil))
		})
		for range 4 {
			clients.Go(func() { _, _, _ = b.do(http.MethodPut, b.path+"/key", make([]byte, 1<<20)) })
			clients.Go(func() { _, _, _ = b.do(http.MethodHead, b.path+"/key", nil) })
		}
		arrived.Wait()
		t.Cleanup(func() { b.proxy.On(nil) })
		b.proxy.close()
		clients.Wait()
	})
	stacks := make([]byte, 1<<20)
	for deadline := time.Now().Add(patience); ; runtime.Gosched() {
		text := string(stacks[:runtime.Stack(stacks, true)])
		if !strings.Contains(text, "s3test.(*Proxy)") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(text)
		}
	}
}
