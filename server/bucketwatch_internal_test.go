package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"plateau/store/s3/bucket"
)

// What calls come to says how the bucket fares: an answer to any call shows that the
// endpoint is there, but a right that is missing for one is not had by another.
func TestBucketWatch(t *testing.T) {
	w := newBucketWatch(slog.New(slog.DiscardHandler))
	away, refused := fmt.Errorf("a: %w", bucket.ErrAway), fmt.Errorf("a: %w", bucket.ErrRefused)
	for i, c := range []struct {
		call string
		err  error
		want string
	}{
		{"PutObject", nil, ""},
		{"PutObject", fmt.Errorf("a: %w", bucket.ErrConflict), ""},
		{"PutObject", away, "the endpoint has trouble"},
		{"PutObject", context.Canceled, "the endpoint has trouble"},
		{"HeadObject", fmt.Errorf("a: %w", bucket.ErrNotFound), ""},
		{"DeleteObjects", refused, "the endpoint can't be used"},
		{"HeadObject", nil, "the endpoint can't be used"},
		{"PutObject", away, "the endpoint has trouble"},
		{"PutObject", nil, "the endpoint can't be used"},
		{"DeleteObject", nil, ""}, // needs the same right
		{"PutObject", refused, "the endpoint can't be used"},
		{"UploadPart", nil, ""},
	} {
		w.called(c.call, 1, c.err)
		words, since := w.trouble()
		if words != c.want || since.IsZero() != (words == "") || (w.line() == "") != (words == "") || (w.warnings() == nil) != (words == "") {
			t.Errorf("%d: after %v of %s: %q since %s", i, c.err, c.call, words, since)
		}
		if line := w.line(); words != "" && !strings.HasPrefix(line, "S3: "+words+", for 0s; see the log\n") {
			t.Errorf("%d: /readyz says %q", i, line)
		}
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(w.calls)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counted := make(map[string]float64)
	for _, m := range families[0].GetMetric() {
		counted[m.GetLabel()[0].GetValue()+" "+m.GetLabel()[1].GetValue()] = m.GetCounter().GetValue()
	}
	for labels, want := range map[string]float64{
		"PutObject ok": 2, "PutObject away": 2, "PutObject conflict": 1, "PutObject ended": 1, "HeadObject none": 1,
		"DeleteObjects refused": 1, "PutObject refused": 1, "UploadPart away": 0,
	} {
		if got, ok := counted[labels]; got != want || !ok {
			t.Errorf("%s: counted %g (%v), want %g", labels, got, ok, want)
		}
	}
}

// The log is told of trouble when it begins, once for a spell, and a success of any call
// ends at once what all calls were refused for.
func TestBucketWatchTellsAtOnce(t *testing.T) {
	var said strings.Builder // written to by called only, that is, here
	w := newBucketWatch(slog.New(slog.NewTextHandler(&said, nil)))
	answer := ""
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/xml")
		switch answer {
		case "":
			return
		case "SlowDown":
			rw.WriteHeader(http.StatusServiceUnavailable)
		default:
			rw.WriteHeader(http.StatusNotFound)
		}
		fmt.Fprintf(rw, "<Error><Code>%s</Code><Message>in words</Message></Error>", answer)
	}))
	defer server.Close()
	b, err := bucket.Open(t.Context(), bucket.Options{Name: "b", Endpoint: server.URL, AccessKey: "a", SecretKey: "s", Called: w.called})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	remove := func() { _ = b.Delete(t.Context(), "a") } // what it comes to, w hears
	head := func() { _, _ = b.Head(t.Context(), "a") }
	want := func(words string, warnings, overs int) {
		t.Helper()
		if got, _ := w.trouble(); got != words {
			t.Errorf("in trouble: %q, want %q", got, words)
		}
		if n := strings.Count(said.String(), "S3 is in trouble"); n != warnings {
			t.Errorf("told %d times of trouble, want %d:\n%s", n, warnings, said.String())
		}
		if n := strings.Count(said.String(), "S3 can be used again"); n != overs {
			t.Errorf("told %d times that it is over, want %d:\n%s", n, overs, said.String())
		}
	}
	answer = "NoSuchBucket"
	remove()
	want("there is no such bucket", 0, 0) // the start tells
	w.begin()
	want("there is no such bucket", 1, 0)
	answer = "NoSuchKey"
	head()
	want("there is no such bucket", 1, 0) // HEAD hears nothing else of a bucket that is missing
	answer = ""
	head()
	want("", 1, 0)
	w.settle(nil)
	want("", 1, 1)
	w.settle(nil)
	want("", 1, 1)

	for range 2 {
		answer = "SlowDown"
		remove()
		want("the endpoint has trouble", 2, 1)
		answer = ""
		head()
		want("", 2, 1)
	}
	answer = "NoSuchBucket"
	remove()
	want("there is no such bucket", 3, 1) // not the same trouble
	if !strings.Contains(said.String(), "S3 is in trouble: there is no such bucket; ") {
		t.Error(said.String())
	}
}
