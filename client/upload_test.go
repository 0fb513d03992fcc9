package client_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"plateau/client"
)

func TestUpload(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		size int
	}{{"empty.txt", 0}, {"byte.txt", 1}, {"block.txt", 32 << 10}, {"some.txt", 3<<20 + 7}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := startPlateau(t)
			path, content := sourceFile(t, c.name, c.size)
			uploader, said := quick(t, p.files, func(o *client.Options) {
				// A key without a value makes tusgo fail at HEAD, and a second Moved event tells that none was asked.
				o.Metadata = map[string]string{"note": "", "for": "Zoë"}
			})
			address, err := uploader.Upload(bounded(t), path)
			if err != nil {
				t.Fatal(err)
			}
			got := p.wantOne(t, address, content)
			if m := got.MetaData; len(m) != 4 || m["filename"] != c.name || m["filetype"] != "text/plain" || m["for"] != "Zoë" || m["note"] != "" {
				t.Errorf("metadata is %q", m)
			}
			if ends := said.of(client.Ended); len(ends) != 1 || ends[0].Err != nil || ends[0].Address != address {
				t.Errorf("ended with %v", ends)
			}
			if w := slices.Concat(said.of(client.Waiting), said.of(client.Warning)); len(w) > 0 {
				t.Errorf("said %v", w)
			}
		})
	}
}

func TestMetadataOverrides(t *testing.T) {
	t.Parallel()
	p := startPlateau(t)
	path, content := sourceFile(t, "a.txt", 10)
	uploader, _ := quick(t, p.files, func(o *client.Options) {
		o.Metadata = map[string]string{"filename": "b.dat", "filetype": "x/y"}
	})
	address, err := uploader.Upload(bounded(t), path)
	if err != nil {
		t.Fatal(err)
	}
	if m := p.wantOne(t, address, content).MetaData; len(m) != 2 || m["filename"] != "b.dat" || m["filetype"] != "x/y" {
		t.Errorf("metadata is %q", m)
	}
}

// The connection is reset again and again: one upload, identical, and never further back than what the server had.
func TestBrokenConnections(t *testing.T) {
	t.Parallel()
	p := startPlateau(t)
	path, content := sourceFile(t, "a.bin", 8<<20)
	cuts, files := startCutter(t, p.addr, 100_000, 1, 2_000_000, 50, 3_000_000, 1_000_000)
	uploader, said := quick(t, files, nil)
	address, err := uploader.Upload(bounded(t), path)
	if err != nil {
		t.Fatal(err)
	}
	p.wantOne(t, address, content)
	if cuts.left() > 0 {
		t.Errorf("%d cuts were not made", cuts.left())
	}
	if len(said.of(client.Waiting)) < 6 || len(said.of(client.Created)) != 1 {
		t.Errorf("waited %d times after 6 cuts, created %d uploads", len(said.of(client.Waiting)), len(said.of(client.Created)))
	}
}

// Delays grow while an upload gets nowhere, and only then.
func TestDelays(t *testing.T) {
	t.Parallel()
	p := startPlateau(t)
	path, content := sourceFile(t, "a.bin", 8<<20)
	_, files := startCutter(t, p.addr, slices.Repeat([]int64{500_000}, 12)...)
	uploader, said := quick(t, files, func(o *client.Options) { o.MaxDelay = patience })
	address, err := uploader.Upload(bounded(t), path)
	if err != nil {
		t.Fatal(err)
	}
	p.wantOne(t, address, content)
	for _, w := range said.of(client.Waiting) {
		if w.Wait > 100*time.Millisecond { // the twelfth in a row would be up to 2 s
			t.Errorf("waited %s though it got further", w.Wait)
		}
	}

	ctx, cancel := context.WithCancel(bounded(t))
	defer cancel()
	uploader, said = quick(t, "http://127.0.0.1:1", func(o *client.Options) { o.MaxDelay = 8 * time.Millisecond })
	said.on = func(e client.Event) {
		if len(said.of(client.Waiting)) == 6 {
			cancel()
		}
	}
	_, _ = uploader.Upload(ctx, path)
	for i, w := range said.of(client.Waiting) {
		if longest := time.Millisecond << min(i, 3); w.Wait < longest/2 || w.Wait > longest {
			t.Errorf("the pause after failure %d was %s, want %s at most and half of it at least", i+1, w.Wait, longest)
		}
	}
}

// interrupt uploads until at least so many bytes are sent, and ends the context there.
func interrupt(t *testing.T, endpoint, path string, after int64, change func(*client.Options)) {
	t.Helper()
	ctx, cancel := context.WithCancel(bounded(t))
	defer cancel()
	uploader, said := quick(t, endpoint, change)
	said.on = func(e client.Event) {
		if e.Kind == client.Moved && e.Offset >= after {
			cancel()
		}
	}
	_, err := uploader.Upload(ctx, path)
	if _, ok := errors.AsType[*client.UnfinishedError](err); !ok || !errors.Is(err, context.Canceled) {
		t.Fatalf("an interrupted upload ended with %v", err)
	}
}

func TestLaterRun(t *testing.T) {
	t.Parallel()
	p := startPlateau(t)
	path, content := sourceFile(t, "a.bin", 8<<20)
	state := filepath.Join(t.TempDir(), "made", "when needed")
	remembering := func(o *client.Options) { o.State = state }
	interrupt(t, p.files, path, 4<<20, remembering)

	names, err := filepath.Glob(filepath.Join(state, "*"))
	if err != nil || len(names) != 1 || !strings.HasSuffix(names[0], ".json") {
		t.Fatalf("the folder has %q, %v; want one record", names, err)
	}
	if info, err := os.Stat(names[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the record has mode %v, %v", info.Mode(), err)
	}

	t.Run("with other metadata", func(t *testing.T) { // is another upload
		interrupt(t, p.files, path, 1, func(o *client.Options) {
			remembering(o)
			o.Metadata = map[string]string{"x": "y"}
		})
		if n := len(p.all(t)); n != 2 {
			t.Errorf("%d uploads, want 2", n)
		}
	})

	uploader, said := quick(t, p.files, remembering)
	address, err := uploader.Upload(bounded(t), path)
	if err != nil {
		t.Fatal(err)
	}
	resumed := said.of(client.Resumed)
	if len(resumed) != 1 || resumed[0].Offset <= 0 || len(said.of(client.Created)) != 0 {
		t.Errorf("resumed %v, created %v", resumed, said.of(client.Created))
	}
	if !slices.ContainsFunc(p.all(t), func(k kept) bool {
		return bytes.Equal(k.data, content) && k.sealed && strings.HasSuffix(address, k.ID)
	}) {
		t.Error("the server doesn't have the file")
	}
	if err := uploader.Forget(); err != nil {
		t.Error(err)
	}
	if names, _ := filepath.Glob(filepath.Join(state, "*")); len(names) != 1 { // that with other metadata
		t.Errorf("the folder has %q", names)
	}
}

// A process that was killed right before it could forget the upload.
func TestLaterRunOfAFinishedUpload(t *testing.T) {
	t.Parallel()
	p := startPlateau(t)
	path, content := sourceFile(t, "a.bin", 1<<20)
	state := t.TempDir()
	saved := map[string][]byte{}
	uploader, said := quick(t, p.files, func(o *client.Options) { o.State = state })
	said.on = func(e client.Event) {
		if e.Kind != client.Created {
			return
		}
		names, _ := filepath.Glob(filepath.Join(state, "*.json"))
		for _, name := range names {
			saved[name], _ = os.ReadFile(name)
		}
	}
	if _, err := uploader.Upload(bounded(t), path); err != nil {
		t.Fatal(err)
	}
	for name, text := range saved {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again, said := quick(t, p.files, func(o *client.Options) { o.State = state })
	address, err := again.Upload(bounded(t), path)
	if err != nil {
		t.Fatal(err)
	}
	p.wantOne(t, address, content)
	if r := said.of(client.Resumed); len(saved) != 1 || len(r) != 1 || r[0].Offset != 1<<20 {
		t.Errorf("%d records; resumed %v", len(saved), r)
	}
}

func TestBusy(t *testing.T) {
	t.Parallel()
	p := startPlateau(t)
	path, content := sourceFile(t, "a.bin", 2<<20)
	state := t.TempDir()
	remembering := func(o *client.Options) { o.State = state }
	first, said := quick(t, p.files, remembering)
	second, _ := quick(t, p.files, remembering)
	asked := false
	said.on = func(e client.Event) {
		if e.Kind != client.Moved || asked {
			return
		}
		asked = true
		_, err := second.Upload(t.Context(), path)
		if _, ok := errors.AsType[*client.UnfinishedError](err); !ok || !errors.Is(err, client.ErrBusy) {
			t.Errorf("the second of two at once ended with %v", err)
		}
	}
	address, err := first.Upload(bounded(t), path)
	if err != nil || !asked {
		t.Fatalf("%v, asked %v", err, asked)
	}
	p.wantOne(t, address, content)
}
