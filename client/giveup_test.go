package client_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"plateau/client"
)

// partly is a tus server with one upload. Its PATCHes take as many bytes as answers say, wait for as long, and then fail: with
// a status, or with a reset if that is 0. Those after them succeed. The first POSTs fail with 503.
type partly struct {
	stub
	posts   int
	deaf    int // the HEAD that is reset, counted from 1; 0: none
	answers []answer

	mu     sync.Mutex
	offset int64
}

type answer struct {
	take   int64
	wait   time.Duration
	status int
}

func (s *partly) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.note(r)
	n := s.count(r.Method)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.Method == http.MethodPost && n <= s.posts:
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.Method == http.MethodPost:
		w.Header().Set("Location", "/files/x")
		w.WriteHeader(http.StatusCreated)
	case r.Method == http.MethodHead && n == s.deaf:
		panic(http.ErrAbortHandler)
	case r.Method == http.MethodHead:
		w.Header().Set("Upload-Offset", strconv.FormatInt(s.offset, 10))
	case n <= len(s.answers):
		a := s.answers[n-1]
		took, _ := io.CopyN(io.Discard, r.Body, a.take)
		s.offset += took
		time.Sleep(a.wait) // the time that a long PATCH takes
		if a.status == 0 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(a.status)
	default:
		took, _ := io.Copy(io.Discard, r.Body)
		s.offset += took
		w.Header().Set("Upload-Offset", strconv.FormatInt(s.offset, 10))
		w.WriteHeader(http.StatusNoContent)
	}
}

// methods lists the requests so far.
func (s *partly) methods() []string {
	s.stub.mu.Lock()
	defer s.stub.mu.Unlock()
	var list []string
	for _, r := range s.seen {
		list = append(list, r.Method)
	}
	return list
}

// A PATCH that took longer than an upload may fail, and broke, is no reason to give up before HEAD said how far it got.
func TestLateBreak(t *testing.T) {
	t.Parallel()
	const limit, longer = 300 * time.Millisecond, 500 * time.Millisecond
	type answers = []answer
	for name, c := range map[string]struct {
		posts   int
		deaf    int
		answers answers
		gives   bool
	}{
		"it got further":                       {0, 0, answers{{0, 0, 503}, {stubSize / 2, longer, 0}}, false},
		"the server is away when it is asked":  {0, 2, answers{{0, 0, 503}, {stubSize / 2, longer, 0}}, false},
		"it got further at a second break too": {0, 0, answers{{0, 0, 503}, {stubSize / 4, longer, 0}, {stubSize / 4, longer, 0}}, false},
		"a POST that succeeded is progress":    {1, 0, answers{{0, longer, 0}}, false},
		"it got nowhere":                       {0, 0, answers{{0, 0, 503}, {0, longer, 0}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &partly{posts: c.posts, deaf: c.deaf, answers: c.answers}
			server := httptest.NewServer(s)
			defer server.Close()
			path, _ := sourceFile(t, "a.bin", stubSize)
			uploader, _ := quick(t, server.URL, func(o *client.Options) { o.RetryFor = limit })
			_, err := uploader.Upload(bounded(t), path)
			if !c.gives && err != nil {
				t.Errorf("ended with %v after %q", err, s.methods())
			}
			if _, ok := errors.AsType[*client.UnfinishedError](err); c.gives && (!ok || s.methods()[len(s.methods())-1] != "HEAD") {
				t.Errorf("ended with %v after %q", err, s.methods())
			}
		})
	}
}

// A server that answers HEAD, and refuses every PATCH for now, is not asked for ever.
func TestGivesUpWithoutProgress(t *testing.T) {
	t.Parallel()
	s := &partly{answers: slices.Repeat([]answer{{0, 0, 503}}, 100_000)}
	server := httptest.NewServer(s)
	defer server.Close()
	path, _ := sourceFile(t, "a.bin", stubSize)
	uploader, _ := quick(t, server.URL, func(o *client.Options) { o.RetryFor = 200 * time.Millisecond })
	begin := time.Now()
	_, err := uploader.Upload(bounded(t), path)
	if e, ok := errors.AsType[*client.UnfinishedError](err); !ok || !e.Kept || !strings.Contains(err.Error(), "503") || time.Since(begin) > patience/2 {
		t.Errorf("%v after %s", err, time.Since(begin))
	}
}

// closedPort is an address that nobody else gets, where nobody listens until listen is called.
func closedPort(t *testing.T) (address string, listen func() net.Listener) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	socket := os.NewFile(uintptr(fd), "socket")
	t.Cleanup(func() { socket.Close() })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	bound, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address = net.JoinHostPort("127.0.0.1", strconv.Itoa(bound.(*syscall.SockaddrInet4).Port))
	return address, func() net.Listener {
		if err := syscall.Listen(fd, 16); err != nil {
			t.Fatal(err)
		}
		listener, err := net.FileListener(socket)
		if err != nil {
			t.Fatal(err)
		}
		socket.Close() // the listener has its own
		return listener
	}
}

func TestGivesUp(t *testing.T) {
	t.Parallel()
	address, _ := closedPort(t)
	path, _ := sourceFile(t, "a.bin", stubSize)
	uploader, said := quick(t, "http://"+address, func(o *client.Options) { o.RetryFor = 50 * time.Millisecond })
	_, err := uploader.Upload(bounded(t), path)
	if _, ok := errors.AsType[*client.UnfinishedError](err); !ok || !strings.Contains(err.Error(), "50ms") ||
		!strings.Contains(err.Error(), ": connection refused") || strings.Contains(err.Error(), "dial") || len(said.of(client.Waiting)) < 2 {
		t.Errorf("%v, after %d tries", err, len(said.of(client.Waiting)))
	}

	// The last pause is no longer than what is left.
	uploader, _ = quick(t, "http://"+address, func(o *client.Options) {
		o.RetryFor, o.MinDelay, o.MaxDelay = 50*time.Millisecond, patience, patience
	})
	begin := time.Now()
	if _, err := uploader.Upload(bounded(t), path); time.Since(begin) > patience/3 {
		t.Errorf("%v after %s", err, time.Since(begin))
	}
}

// A server that doesn't answer costs the time to give up once, not for each file; until it answers again.
func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	address, listen := closedPort(t)
	uploader, said := quick(t, "http://"+address, func(o *client.Options) { o.RetryFor = time.Second })
	var tries []int
	upload := func() error {
		path, _ := sourceFile(t, "a.bin", stubSize)
		before := len(said.of(client.Waiting))
		_, err := uploader.Upload(bounded(t), path)
		tries = append(tries, len(said.of(client.Waiting))-before)
		return err
	}
	for range 3 {
		if _, ok := errors.AsType[*client.UnfinishedError](upload()); !ok {
			t.Fatal("uploaded to nobody")
		}
	}
	if tries[0] < 2 || tries[1] != 0 || tries[2] != 0 {
		t.Errorf("waited %v times, want many, 0 and 0", tries)
	}
	s := &partly{answers: []answer{{0, 0, 0}}}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead && s.count(http.MethodHead) == 0 {
			s.note(r)
			panic(http.ErrAbortHandler) // of all that was asked, only POST was answered
		}
		s.ServeHTTP(w, r)
	}))
	server.Listener.Close()
	server.Listener = listen()
	server.Start()
	defer server.Close()
	if err := upload(); err != nil || tries[3] < 2 {
		t.Errorf("once it answers: %v, waited %v times", err, tries)
	}
}

// Answers that come while the file is still being sent: the race detector looks at what is read from it meanwhile.
func TestEarlyAnswers(t *testing.T) {
	t.Parallel()
	s := &partly{answers: slices.Repeat([]answer{{100_000, 0, 503}}, 30)}
	server := httptest.NewServer(s)
	defer server.Close()
	path, _ := sourceFile(t, "a.bin", 8<<20)
	uploader, _ := quick(t, server.URL, nil)
	if _, err := uploader.Upload(bounded(t), path); err != nil {
		t.Error(err)
	}
}
