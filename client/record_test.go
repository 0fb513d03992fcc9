package client

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func testRecord(file string) record {
	return record{File: file, Size: 5, Modified: time.Unix(1, 2), Endpoint: "http://host/files/", Metadata: map[string]string{"a": "b", "c": "d"}}
}

// open opens an entry that must be free and readable.
func open(t *testing.T, dir string, r record) *entry {
	t.Helper()
	e, warning, err := openEntry(dir, r)
	if err != nil || warning != nil {
		t.Fatalf("%v, %v", warning, err)
	}
	return e
}

// folder lists what a folder has.
func folder(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestRememberAndForget(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	e := open(t, dir, testRecord("/x"))
	if err := e.remember("http://host/files/1"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := openEntry(dir, testRecord("/x")); !errors.Is(err, ErrBusy) {
		t.Errorf("opened twice: %v", err)
	}
	e.close()
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v, %v", info.Mode(), err)
	}
	if names := folder(t, dir); len(names) != 1 || filepath.Ext(names[0]) != recordSuffix {
		t.Errorf("the folder has %q", names)
	}

	other := testRecord("/x")
	other.Modified = other.Modified.Add(time.Nanosecond)
	for _, r := range []record{other, testRecord("/y")} {
		e := open(t, dir, r)
		if e.record.Address != "" {
			t.Errorf("%v is taken for another", r)
		}
		e.close()
	}
	same := testRecord("/x")
	same.Modified = same.Modified.In(time.FixedZone("elsewhere", 3600))
	e = open(t, dir, same)
	if e.record.Address != "http://host/files/1" {
		t.Errorf("remembered %q", e.record.Address)
	}
	if err := errors.Join(e.forget(), e.forget()); err != nil {
		t.Error(err)
	}
	e.close()
	if names := folder(t, dir); len(names) > 0 {
		t.Errorf("the folder has %q", names)
	}
}

// A lock that a killed process left behind doesn't hinder.
func TestLockLeftBehind(t *testing.T) {
	dir := t.TempDir()
	e := open(t, dir, testRecord("/x"))
	if err := e.lock.Close(); err != nil { // as the kernel does for the dead
		t.Fatal(err)
	}
	open(t, dir, testRecord("/x")).close()
	if names := folder(t, dir); len(names) > 0 {
		t.Errorf("the folder has %q", names)
	}
}

func TestUnreadableRecord(t *testing.T) {
	dir := t.TempDir()
	e := open(t, dir, testRecord("/x"))
	e.close()
	for _, text := range []string{"", "{", `{"address":""}`, "[1]"} {
		if err := os.WriteFile(e.base+recordSuffix, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		again, warning, err := openEntry(dir, testRecord("/x"))
		if err != nil || warning == nil || again.record.Address != "" {
			t.Fatalf("%q: %v, %v", text, warning, err)
		}
		if err := again.remember("http://host/files/2"); err != nil {
			t.Fatal(err)
		}
		again.close()
		e = open(t, dir, testRecord("/x"))
		if e.record.Address != "http://host/files/2" {
			t.Errorf("%q: then remembered %q", text, e.record.Address)
		}
		e.close()
	}
}

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
	stranger := filepath.Join(dir, "notes.json")
	temp := old.base + tempSuffix
	for _, name := range []string{stranger, temp} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	then := time.Now().Add(-31 * 24 * time.Hour)
	for _, name := range []string{
		stranger, temp, old.base + recordSuffix, old.base + lockSuffix, used.base + recordSuffix, used.base + lockSuffix,
	} {
		if err := os.Chtimes(name, then, then); err != nil {
			t.Fatal(err)
		}
	}
	removeStale(dir, time.Now())
	var want []string
	for _, name := range []string{stranger, fresh.base + recordSuffix, used.base + recordSuffix, used.base + lockSuffix} {
		want = append(want, filepath.Base(name))
	}
	slices.Sort(want)
	if got := folder(t, dir); !slices.Equal(got, want) {
		t.Errorf("left %q, want %q", got, want)
	}
	used.close()
	removeStale(filepath.Join(dir, "none"), time.Now())
}
