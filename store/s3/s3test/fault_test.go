package s3test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
)

// bench is a proxy before a bucket of its own.
type bench struct {
	*client
	proxy *Proxy
	path  string // of the bucket, /name
}

func newBench(t *testing.T) *bench {
	g := shared.Gateway(t)
	p := StartProxy(t, g)
	return &bench{client: newClient(t, g, p.Endpoint), proxy: p, path: "/" + g.NewBucket(t)}
}

// stored is what the gateway holds under a key, "" if nothing.
func (b *bench) stored(key string) string {
	b.Helper()
	text, err := os.ReadFile(b.gateway.Path(strings.TrimPrefix(b.path, "/"), key))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		b.Fatal(err)
	}
	return string(text)
}

// put stores content under a key. A status of 0 is a connection that ended without an answer.
func (b *bench) put(key, content string) (status int, answer string) {
	b.Helper()
	status, answer, err := b.do(http.MethodPut, b.path+"/"+key, []byte(content))
	if (err != nil) != (status == 0) {
		b.Fatalf("status %d and error %v", status, err)
	}
	return status, answer
}

func (b *bench) last() Call {
	calls := b.proxy.Calls()
	return calls[len(calls)-1]
}

// Each fault does what it says to the second of three calls, and nothing to the others; so it does with a body that no buffer
// holds.
func TestFaults(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 4<<20/16)
	for _, c := range []struct {
		name            string
		fault           Fault
		status          int // what the client hears
		code            string
		works           bool // the object is stored
		answered, heard int
	}{
		{"pass", Pass(), 200, "", true, 200, 200},
		{"fail", Fail(503, "SlowDown"), 503, "<Code>SlowDown</Code>", false, 0, 503},
		{"fail after", FailAfter(500, "InternalError"), 500, "<Code>InternalError</Code>", true, 200, 500},
		{"drop before", DropBefore(), 0, "", false, 0, 0},
		{"drop after", DropAfter(), 0, "", true, 200, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.put("before", "not counted")
			b.proxy.On(Nth(PutObject, 2, c.fault))
			for i, key := range []string{"first", "second", "third"} {
				status, answer := b.put(key, content)
				if i != 1 {
					if status != 200 || b.stored(key) != content {
						t.Errorf("call %d: status %d", i+1, status)
					}
					continue
				}
				if status != c.status || !strings.Contains(answer, c.code) {
					t.Errorf("heard %d %s", status, answer)
				}
				if got := b.stored(key); got != "" && !c.works || got != content && c.works {
					t.Errorf("stored %d bytes", len(got))
				}
				if call := b.last(); call.Nth != 2 || call.Heard == 0 && !call.Over || call.Answered != c.answered || call.Heard != c.heard {
					t.Errorf("the call is %+v", call)
				}
			}
		})
	}
}

func TestFailHead(t *testing.T) {
	b := newBench(t)
	b.put("key", "x")
	b.proxy.On(Nth(HeadObject, 1, Fail(503, "SlowDown")))
	b.want(503, http.MethodHead, b.path+"/key", nil)
	b.want(200, http.MethodHead, b.path+"/key", nil) // the connection still serves
}

func TestHangs(t *testing.T) {
	for name, hang := range map[string]func(<-chan struct{}) Fault{"before": HangBefore, "after": HangAfter} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			release, arrived, gone := make(chan struct{}), make(chan struct{}), make(chan int)
			worked := name == "after"
			fault := Before(func() { close(arrived) }, hang(release))
			if worked {
				fault = After(func() { close(arrived) }, hang(release))
			}
			b.proxy.On(Nth(PutObject, 1, fault))
			go func() {
				status, _ := b.put("key", "content")
				gone <- status
			}()
			<-arrived
			if got := b.stored("key"); (got == "content") != worked {
				t.Errorf("while it hangs, %q is stored", got)
			}
			if status, _ := b.put("other", "x"); status != 200 {
				t.Errorf("another call meanwhile: %d", status)
			}
			close(release)
			if status := <-gone; status != 200 || b.stored("key") != "content" {
				t.Errorf("released: %d, %q", status, b.stored("key"))
			}
		})
		t.Run(name+", and the client leaves", func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.put("key", "x")
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			fault := Before(leave, hang(nil))
			if name == "after" {
				fault = After(leave, hang(nil))
			}
			b.proxy.On(Nth(GetObject, 1, fault))
			if _, _, err := b.doIn(ctx, http.MethodGet, b.path+"/key", http.NoBody); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
}

// The gateway gets exactly the bytes that the fault lets through. It believes the length it was told, and keeps them: that is
// why a body has a checksum, and with one it keeps nothing.
func TestCutBody(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 1<<20/16)
	for name, begin := range map[string]func(testing.TB) *Gateway{"http": Start, "https": StartTLS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := begin(t)
			p := StartProxy(t, g)
			b := &bench{client: newClient(t, g, p.Endpoint), proxy: p, path: "/" + g.Bucket}
			for _, n := range []int64{0, 1, 4095, 4096, 4097, 700_001} {
				b.proxy.On(Nth(PutObject, 1, CutBody(n)))
				key := strings.Repeat("k", int(n%97)+1)
				if status, _ := b.put(key, content); status != 0 {
					t.Errorf("cut at %d: heard %d", n, status)
				}
				if got := b.stored(key); got != "" && got != content[:n] {
					t.Errorf("cut at %d: %d bytes arrived", n, len(got))
				}
				b.proxy.On(Nth(PutObject, 1, CutBody(n)))
				if status, _, _ := b.do(http.MethodPut, b.path+"/checked"+key, []byte(content), "X-Amz-Checksum-Crc32c", "8I4hLA=="); status != 0 {
					t.Errorf("cut at %d: heard %d", n, status)
				}
				if got := b.stored("checked" + key); got != "" {
					t.Errorf("cut at %d: %d bytes are stored in spite of the checksum", n, len(got))
				}
			}
		})
	}
}

// What a test does at a call is done at exactly that point of it.
func TestBeforeAndAfter(t *testing.T) {
	b := newBench(t)
	seen := make(chan string, 3)
	look := func(point string) func() {
		return func() { seen <- point + ":" + b.stored("key") }
	}
	b.proxy.On(Nth(PutObject, 1, Before(look("first"), Before(look("before"), After(look("after"), DropAfter())))))
	if status, _ := b.put("key", "content"); status != 0 {
		t.Errorf("heard %d", status)
	}
	for _, want := range []string{"first:", "before:", "after:content"} {
		if got := <-seen; got != want {
			t.Errorf("saw %q, want %q", got, want)
		}
	}
}
