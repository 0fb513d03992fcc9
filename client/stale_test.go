package client

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestRemoveStale(t *testing.T) {
	dir := t.TempDir()
	used := open(t, dir, testRecord("/used"))
	old := open(t, dir, testRecord("/old"))
	fresh := open(t, dir, testRecord("/fresh"))
	for _, e := range []*entry{used, old, fresh} {
		if err := e.remember("http://host/files/1"); err != nil {
			t.Fatal(err)
		}
	}
	fresh.close()
	if err := old.lock.Close(); err != nil { // its lock is left, as after a kill
		t.Fatal(err)
	}
	strangers := []string{
		filepath.Join(dir, "notes.json"),
		filepath.Join(dir, "0123456789abcdef0123456789abcdef.json"), // somebody's checksums
		filepath.Join(dir, "upload-0123456789abcdef0123456789abcdef.txt"),
		filepath.Join(dir, "upload-to-the-museum-of-modern-art-x1.json"),
	}
	temp := old.base + tempSuffix
	for _, name := range append(strangers, temp) {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	then := time.Now().Add(-31 * 24 * time.Hour)
	for _, name := range append(strangers, temp, old.base+recordSuffix, old.base+lockSuffix, used.base+recordSuffix, used.base+lockSuffix) {
		if err := os.Chtimes(name, then, then); err != nil {
			t.Fatal(err)
		}
	}
	removeStale(dir, time.Now())
	var want []string
	for _, name := range append(strangers, fresh.base+recordSuffix, used.base+recordSuffix, used.base+lockSuffix) {
		want = append(want, filepath.Base(name))
	}
	slices.Sort(want)
	if got := folder(t, dir); !slices.Equal(got, want) {
		t.Errorf("left %q, want %q", got, want)
	}
	used.close()
	removeStale(filepath.Join(dir, "none"), time.Now())
}

// A finished upload is an answer for a day.
func TestRemoveFinished(t *testing.T) {
	dir := t.TempDir()
	var kept []string
	for name, c := range map[string]struct {
		finished, touched time.Duration
		kept              bool
	}{
		"/fresh":      {time.Hour, time.Hour, true},
		"/old":        {25 * time.Hour, 25 * time.Hour, false},
		"/unfinished": {0, 25 * time.Hour, true},
	} {
		e := open(t, dir, testRecord(name))
		if err := e.remember("http://host/files/1"); err != nil {
			t.Fatal(err)
		}
		if c.finished > 0 {
			e.record.Finished = time.Now().Add(-c.finished)
			if err := e.write(); err != nil {
				t.Fatal(err)
			}
		}
		then := time.Now().Add(-c.touched)
		if err := os.Chtimes(e.base+recordSuffix, then, then); err != nil {
			t.Fatal(err)
		}
		e.close()
		if c.kept {
			kept = append(kept, filepath.Base(e.base+recordSuffix))
		}
	}
	removeStale(dir, time.Now())
	slices.Sort(kept)
	if got := folder(t, dir); !slices.Equal(got, kept) {
		t.Errorf("left %q, want %q", got, kept)
	}

	e := open(t, dir, testRecord("/late")) // it expires between the clearing and its opening
	if err := e.remember("http://host/files/1"); err != nil {
		t.Fatal(err)
	}
	e.record.Finished = time.Now().Add(-25 * time.Hour)
	if err := e.write(); err != nil {
		t.Fatal(err)
	}
	e.close()
	e = open(t, dir, testRecord("/late"))
	defer e.close()
	if _, err := os.Stat(e.base + recordSuffix); e.remembered() || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an old one is remembered: %v, %v", e.remembered(), err)
	}
}
