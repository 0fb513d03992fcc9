package server_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"plateau/server"
)

// operator looks after the data folder of a server, which may run.
func (p *plateau) operator() *server.Operator {
	p.t.Helper()
	cfg := settings(p.t)
	cfg.DataDir = p.dir
	o, err := server.NewOperator(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		p.t.Fatal(err)
	}
	return o
}

// A consumer that lost its data hears the same events again.
func TestReplay(t *testing.T) {
	p := run(t)
	before := time.Now().Add(-time.Minute)
	var want []string
	for range 5 {
		location := p.upload("12345", "Upload-Length: 5")
		p.announces(location)
		want = append(want, idOf(location)+":finished", idOf(location)+":finished")
	}
	p.upload("123", "Upload-Length: 5")
	p.upload("12345", "Upload-Length: 5", "Upload-Concat: partial")
	p.metric("plateau_outbox_pending 0")

	var replayed []string
	err := p.operator().Replay(t.Context(), before, time.Now().Add(time.Minute), func(id string, _ time.Time) error {
		replayed = append(replayed, id+":finished")
		return nil
	})
	if err != nil || len(replayed) != 5 {
		t.Errorf("replayed %v: %v", replayed, err)
	}
	until(t, "all events twice", func() bool { return len(p.announced()) == len(want) })
	got := p.announced()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("announced %v, want %v", got, want)
	}

	err = p.operator().Replay(t.Context(), before.Add(-time.Hour), before, func(id string, _ time.Time) error {
		t.Errorf("%s was not finished then", id)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	// Without a server they wait for its start.
	p.stop()
	stop := errors.New("enough")
	err = p.operator().Replay(t.Context(), before, time.Now().Add(time.Minute), func(string, time.Time) error { return stop })
	if !errors.Is(err, stop) {
		t.Errorf("an error of each: %v", err)
	}
	p = p.again()
	until(t, "the event of a replay without a server", func() bool { return len(p.announced()) == 1 })
}

// What removes uploads needs the folder to itself, and says who has it.
func TestOperatorBesideAServer(t *testing.T) {
	p := run(t)
	location := p.upload("123", "Upload-Length: 5")
	o := p.operator()
	gone := func(ids []string) error {
		return o.RemoveUploads(context.WithoutCancel(t.Context()), ids, func(string) error { return nil })
	}
	expire := func(dryRun bool, each func(server.Expired) error) error {
		_, err := o.Expire(t.Context(), dryRun, each)
		return err
	}
	for name, err := range map[string]error{
		"remove": gone([]string{idOf(location)}),
		"expire": expire(false, func(server.Expired) error { return nil }),
	} {
		usage, ok := errors.AsType[*server.UsageError](err)
		if !ok || usage.ExitCode() != 2 || !strings.Contains(err.Error(), p.dir) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := expire(true, func(e server.Expired) error { t.Errorf("%+v is not expired", e); return nil }); err != nil {
		t.Errorf("dry run: %v", err)
	}
	p.stop()
	if err := gone([]string{"nothing"}); err == nil {
		t.Error("what isn't there was removed")
	}
	if err := gone([]string{idOf(location)}); err != nil || len(p.names()) != 0 {
		t.Errorf("remove: %v, left %v", err, p.names())
	}
}

// What another user makes in the data folder, the server could not remove.
func TestOperatorIsTheServersUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder away")
	}
	dir := t.TempDir()
	uploads := filepath.Join(dir, "uploads")
	if err := errors.Join(os.Mkdir(uploads, 0o755), os.Chown(uploads, 12_345, -1)); err != nil {
		t.Fatal(err)
	}
	cfg := settings(t)
	cfg.DataDir = dir
	o, err := server.NewOperator(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	nothing := func(string, time.Time) error { return nil }
	for what, err := range map[string]error{
		"replay": o.Replay(t.Context(), time.Time{}, time.Now(), nothing),
		"retry":  o.RetryEvent(t.Context(), "x"),
		"rm":     o.RemoveUploads(t.Context(), nil, func(string) error { return nil }),
	} {
		if _, usage := errors.AsType[*server.UsageError](err); !usage || !strings.Contains(err.Error(), "12345") {
			t.Errorf("%s as another user: %v", what, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "outbox")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was made: %v", err)
	}
}
