package server_test

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"plateau/config"
	"plateau/server"
	"plateau/store/s3/s3test"
)

// bucketOperator looks after the bucket of a server, which may run. It has no data
// folder.
func (p *plateau) bucketOperator(g *s3test.Gateway, changes ...func(*config.Config)) *server.Operator {
	p.t.Helper()
	cfg := settings(p.t)
	for _, change := range append([]func(*config.Config){inBucket(p.t, g)}, changes...) {
		change(&cfg)
	}
	cfg.DataDir = "/nowhere/at/all"
	o, err := server.NewOperator(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		p.t.Fatal(err)
	}
	return o
}

// What an operator does with a bucket, beside the server that runs.
func TestOperatorOfABucket(t *testing.T) {
	g := s3test.Start(t)
	p := run(t, inBucket(t, g), func(c *config.Config) { c.KafkaBrokers = []string{"127.0.0.1:1"} }) // where nobody listens
	done := idOf(p.upload("12345", "Upload-Length: 5", "Upload-Metadata: filename "+b64("a.txt")))
	open := idOf(p.upload("123", "Upload-Length: 9"))
	o := p.bucketOperator(g)

	states := make(map[string]string)
	if err := o.ListUploads(t.Context(), func(u server.Listed) error { states[u.ID] = u.State; return u.Err }); err != nil {
		t.Fatal(err)
	}
	if len(states) != 2 || states[done] != "sealed" || states[open] != "receiving" {
		t.Errorf("uploads: %v", states)
	}
	if u, err := o.ShowUpload(t.Context(), done); err != nil || u.Size != 5 || u.Offset != 5 || u.Filename != "a.txt" || time.Since(u.Modified) > time.Hour {
		t.Errorf("show: %+v, %v", u, err)
	}
	if u, err := o.ShowUpload(t.Context(), open); err != nil || u.Size != 9 || u.Offset != 3 || u.Expires.IsZero() {
		t.Errorf("show: %+v, %v", u, err)
	}

	var waiting []server.WaitingEvent
	if err := o.ListEvents(t.Context(), false, func(e server.WaitingEvent) error { waiting = append(waiting, e); return nil }); err != nil || len(waiting) != 1 || waiting[0].UploadID != done {
		t.Fatalf("what waits: %+v, %v", waiting, err)
	}
	if e, err := o.ShowEvent(t.Context(), waiting[0].Name); err != nil || !strings.Contains(string(e.JSON), `"`+done+`:finished"`) {
		t.Errorf("the event: %s %s, %v", e.JSON, e.Reason, err)
	}
	if err := o.RetryEvent(t.Context(), waiting[0].Name); err == nil {
		t.Error("an event that isn't dead was let wait again")
	}

	// A server may be at work on what isn't finished: an operator leaves it alone.
	err := o.RemoveUploads(t.Context(), []string{open}, func(string) error { return nil })
	if usage, ok := errors.AsType[*server.UsageError](err); !ok || usage.ExitCode() != 2 || !strings.Contains(err.Error(), "a server may be at work on it") {
		t.Errorf("remove what is being uploaded: %v", err)
	}
	soon := p.bucketOperator(g, func(c *config.Config) { c.ExpireAfter = 1 })
	for _, dryRun := range []bool{true, false} {
		spared, err := soon.Expire(t.Context(), dryRun, func(e server.Expired) error { t.Errorf("expired: %+v", e); return nil })
		if err != nil || spared != 1 {
			t.Errorf("spared %d, want that which is being uploaded: %v", spared, err)
		}
	}
	if a := p.patch("/files/"+open, 3, "456"); a.status != 204 {
		t.Errorf("PATCH heard %v", a)
	}
	if err := o.RemoveUploads(t.Context(), []string{done}, func(string) error { return nil }); err != nil {
		t.Errorf("remove what is finished: %v", err)
	}
	if _, err := o.ShowUpload(t.Context(), done); err == nil {
		t.Error("it is still there")
	}
	if err := o.RemoveUploads(t.Context(), []string{"nothing"}, func(string) error { return nil }); err == nil {
		t.Error("what isn't there was removed")
	}

	// The event of what was removed is sent all the same.
	p.stop()
	p = p.againWith(inBucket(t, g))
	p.announces(done)
}

func TestReplayFromABucket(t *testing.T) {
	g := s3test.Start(t)
	p := run(t, inBucket(t, g))
	before := time.Now().Add(-time.Minute)
	var want []string
	for range 3 {
		location := p.upload("12345", "Upload-Length: 5")
		p.announces(location)
		want = append(want, idOf(location))
	}
	p.upload("123", "Upload-Length: 5")
	p.metric("plateau_outbox_pending 0")
	p.stop()

	var replayed []string
	err := p.bucketOperator(g).Replay(t.Context(), before, time.Now().Add(time.Minute), func(id string, _ time.Time) error {
		replayed = append(replayed, id)
		return nil
	})
	slices.Sort(replayed)
	slices.Sort(want)
	if err != nil || !slices.Equal(replayed, want) {
		t.Errorf("replayed %v: %v", replayed, err)
	}
	p = p.againWith(inBucket(t, g))
	for _, id := range want {
		p.announces(id)
	}
}

// Wrong settings are said as a server's start says them; that nothing can be reached is
// said too, and is no mistake.
func TestOperatorOfTheWrongBucket(t *testing.T) {
	g := s3test.Start(t)
	p := &plateau{t: t}
	for words, change := range map[string]func(*config.Config){
		"use --store s3: bucket none-such: there is no such bucket": func(c *config.Config) { c.S3Bucket = "none-such" },
		"the region is wrong":                       func(c *config.Config) { c.S3Region = "eu-west-7" },
		"the endpoint speaks http, not https":       func(c *config.Config) { c.S3Endpoint = strings.Replace(g.Endpoint, "http:", "https:", 1) },
		"the endpoint doesn't take the credentials": func(*config.Config) { t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong") },
	} {
		o := p.bucketOperator(g, change)
		expire := func() error {
			_, err := o.Expire(t.Context(), true, func(server.Expired) error { return nil })
			return err
		}
		show := func() error {
			_, err := o.ShowUpload(t.Context(), "019ae0000000"+strings.Repeat("0", 20)+"+0")
			return err
		}
		for name, err := range map[string]error{
			"list":   o.ListUploads(t.Context(), func(server.Listed) error { return nil }),
			"show":   show(),
			"events": o.ListEvents(t.Context(), false, func(server.WaitingEvent) error { return nil }),
			"expire": expire(),
			"replay": o.Replay(t.Context(), time.Now().Add(-time.Hour), time.Now(), func(string, time.Time) error { return nil }),
			"remove": o.RemoveUploads(t.Context(), []string{"019ae0000000" + strings.Repeat("0", 20) + "+0"}, func(string) error { return nil }),
		} {
			usage, ok := errors.AsType[*server.UsageError](err)
			if !ok || usage.ExitCode() != 2 || !strings.Contains(err.Error(), words) {
				t.Errorf("%s: %s: %v", words, name, err)
			}
		}
	}
}

func TestOperatorOfABucketThatIsAway(t *testing.T) {
	away := s3Away(t)
	cfg := settings(t)
	away(&cfg)
	o, err := server.NewOperator(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	err = o.ListUploads(t.Context(), func(server.Listed) error { return nil })
	if _, usage := errors.AsType[*server.UsageError](err); usage || err == nil || !strings.Contains(err.Error(), "the endpoint can't be reached") {
		t.Errorf("%v", err)
	}
}
