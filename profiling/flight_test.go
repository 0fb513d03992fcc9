package profiling_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/exp/trace"

	"plateau/profiling"
)

func newFlight(t *testing.T, o profiling.FlightOptions) *profiling.Flight {
	t.Helper()
	f, err := profiling.NewFlight(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Stop)
	return f
}

func startFlight(t *testing.T, o profiling.FlightOptions) *profiling.Flight {
	t.Helper()
	f := newFlight(t, o)
	if err := f.Start(); err != nil {
		t.Fatal(err)
	}
	return f
}

// isTrace reads a whole trace.
func isTrace(t *testing.T, data []byte) {
	t.Helper()
	r, err := trace.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Errorf("no trace: %v", err)
		return
	}
	events := 0
	for {
		if _, err := r.ReadEvent(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Errorf("the trace breaks off after %d events: %v", events, err)
			return
		}
		events++
	}
	if events == 0 {
		t.Error("the trace is empty")
	}
}

func TestFlightDownload(t *testing.T) {
	f := newFlight(t, profiling.FlightOptions{})
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	off := func(when string) {
		t.Helper()
		if got := get(t, srv.URL); got.status != http.StatusNotFound || !strings.Contains(string(got.body), "--flight-recorder") {
			t.Errorf("%s: %d %s", when, got.status, got.body)
		}
	}
	off("before Start")
	for range 2 { // it may be started again
		if err := f.Start(); err != nil {
			t.Fatal(err)
		}
		got := get(t, srv.URL)
		if got.status != http.StatusOK || !strings.HasSuffix(got.header.Get("Content-Disposition"), `-flight.trace"`) {
			t.Fatalf("%d %v", got.status, got.header)
		}
		isTrace(t, got.body)
		if err := f.Start(); err == nil {
			t.Error("a second Start")
		}
		f.Stop()
		f.Stop()
		off("after Stop")
	}
	for _, method := range []string{http.MethodHead, http.MethodPost} {
		if got := request(t, method, srv.URL, nil); got.status != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, got.status)
		}
	}
	if _, err := profiling.NewFlight(profiling.FlightOptions{MaxBytes: -1}); err == nil {
		t.Error("a negative size was taken")
	}
}

func TestFlightIsOneInTheProcess(t *testing.T) {
	first := startFlight(t, profiling.FlightOptions{})
	second := newFlight(t, profiling.FlightOptions{})
	if err := second.Start(); err == nil || !strings.Contains(err.Error(), "a process has one") {
		t.Errorf("a second recorder: %v", err)
	}
	second.Stalled("a stall")
	w := httptest.NewRecorder()
	second.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("the second's recording: %d", w.Code)
	}
	second.Stop()
	w = httptest.NewRecorder()
	first.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusOK {
		t.Errorf("the first's recording: %d %s", w.Code, w.Body)
	}
	first.Stop()
	if err := second.Start(); err != nil {
		t.Errorf("after the first has ended: %v", err)
	}

	var none *profiling.Flight
	none.Stalled("a stall")
	w = httptest.NewRecorder()
	none.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("no recorder: %d", w.Code)
	}
	none.Stop()
}

// slow is a client that doesn't read until it is let.
type slow struct {
	http.ResponseWriter
	reached chan<- struct{}
	leave   <-chan struct{}
}

func (s slow) Write(p []byte) (int, error) {
	s.reached <- struct{}{}
	<-s.leave
	return s.ResponseWriter.Write(p)
}

func TestFlightForOneClient(t *testing.T) {
	f := startFlight(t, profiling.FlightOptions{})
	reached, leave := make(chan struct{}, 1), make(chan struct{})
	first, second := httptest.NewRecorder(), httptest.NewRecorder()
	var client sync.WaitGroup
	client.Go(func() { f.ServeHTTP(slow{first, reached, leave}, httptest.NewRequest(http.MethodGet, "/", nil)) })
	<-reached
	f.ServeHTTP(second, httptest.NewRequest(http.MethodGet, "/", nil))
	f.Stop() // it doesn't wait for a client that reads slowly
	close(leave)
	client.Wait()
	if second.Code != http.StatusTooManyRequests || second.Header().Get("Retry-After") == "" {
		t.Errorf("the second client: %d", second.Code)
	}
	if first.Code != http.StatusOK {
		t.Errorf("the first client: %d", first.Code)
	}
	isTrace(t, first.Body.Bytes())
}

// TestStalledNeverBlocks holds the folder while stalls come, from many requests.
func TestStalledNeverBlocks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "captures")
	c := newSetClock()
	reached, leave := make(chan struct{}, 10), make(chan struct{})
	folder := newFolder(t, profiling.FolderOptions{Path: path, Now: func() time.Time {
		reached <- struct{}{}
		<-leave
		return c.now()
	}})
	var lines bytes.Buffer
	f := startFlight(t, profiling.FlightOptions{Folder: folder, Now: c.now, Log: slog.New(slog.NewTextHandler(&lines, nil))})

	f.Stalled("PATCH waits for the disk")
	<-reached // it is being saved, and the disk hangs
	var requests sync.WaitGroup
	for range 50 {
		requests.Go(func() {
			f.Stalled("another")
			c.pass(time.Minute) // so that the interval ends too
		})
	}
	requests.Wait()
	close(leave)
	f.Stop()
	files, log := listing(t, path), lines.String()
	if len(files) == 0 || len(files) > 2 { // the second if it was handed over before Stop
		t.Errorf("saved: %v", files)
	}
	if !strings.Contains(log, "PATCH waits for the disk") || !strings.Contains(log, files[0]) || !strings.Contains(log, "stalls=51") {
		t.Errorf("the log doesn't tell: %s", log)
	}
	data, err := os.ReadFile(filepath.Join(path, files[0]))
	if err != nil {
		t.Fatal(err)
	}
	isTrace(t, data)
}

func TestStallsAreSavedNowAndThen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "captures")
	c := newSetClock()
	saved := make(chan struct{}, 10)
	folder := newFolder(t, profiling.FolderOptions{Path: path, Now: func() time.Time {
		defer func() { saved <- struct{}{} }()
		return c.now()
	}})
	f := startFlight(t, profiling.FlightOptions{Folder: folder, Now: c.now})
	for range 3 {
		for range 5 {
			f.Stalled("x")
		}
		<-saved
		c.pass(10*time.Minute - time.Nanosecond)
		f.Stalled("too early")
		c.pass(time.Nanosecond)
	}
	f.Stop()
	f.Stalled("too late")
	if files := listing(t, path); len(files) != 3 {
		t.Errorf("saved: %v", files)
	}
}

func TestStallThatCannotBeSaved(t *testing.T) {
	logged := make(chan string, 1)
	f := startFlight(t, profiling.FlightOptions{
		Folder: newFolder(t, profiling.FolderOptions{Path: filepath.Join(t.TempDir(), "nowhere", "captures")}),
		Log:    slog.New(slog.NewTextHandler(writerFunc(func(p []byte) { logged <- string(p) }), nil)),
	})
	f.Stalled("PATCH waits")
	if line := <-logged; !strings.Contains(line, "can't be saved") || !strings.Contains(line, "nowhere") {
		t.Error(line)
	}
}

type writerFunc func(p []byte)

func (f writerFunc) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}
