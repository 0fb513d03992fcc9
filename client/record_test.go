package client

import (
	"errors"
	"os"
	"path/filepath"
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

	later, longer, elsewhere, noted := testRecord("/x"), testRecord("/x"), testRecord("/x"), testRecord("/x")
	later.Modified = later.Modified.Add(time.Nanosecond)
	longer.Size++
	elsewhere.Endpoint = "http://other/files/"
	noted.Metadata = map[string]string{"a": "b"}
	for _, r := range []record{later, longer, elsewhere, noted, testRecord("/y"), testRecord("/x\xff"), testRecord("/x\xfe")} {
		e := open(t, dir, r)
		if e.record.Address != "" {
			t.Errorf("%v is taken for another", r)
		}
		if err := e.remember("http://host/files/other"); err != nil {
			t.Error(err)
		}
		if err := e.forget(); err != nil {
			t.Error(err)
		}
		e.close()
	}
	if testRecord("/x\xff").key() == testRecord("/x\xfe").key() {
		t.Error("names that are no UTF-8 share a record")
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

// The records of uploads that go on are not stale, however long ago they began.
func TestOpeningKeepsFresh(t *testing.T) {
	dir := t.TempDir()
	e := open(t, dir, testRecord("/x"))
	if err := e.remember("http://host/files/1"); err != nil {
		t.Fatal(err)
	}
	e.close()
	then := time.Now().Add(-29 * 24 * time.Hour)
	if err := os.Chtimes(e.base+recordSuffix, then, then); err != nil {
		t.Fatal(err)
	}
	open(t, dir, testRecord("/x")).close()
	if info, err := os.Stat(e.base + recordSuffix); err != nil || time.Since(info.ModTime()) > time.Hour {
		t.Errorf("%v, %v", info.ModTime(), err)
	}
}

// A lock on a file that was removed, and made anew by somebody else, is none.
func TestStillThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	create := func() *os.File {
		file, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		return file
	}
	file := create()
	if there, err := stillThere(file, path); !there || err != nil {
		t.Errorf("there: %v, %v", there, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if there, err := stillThere(file, path); there || err != nil {
		t.Errorf("removed: %v, %v", there, err)
	}
	create()
	if there, err := stillThere(file, path); there || err != nil {
		t.Errorf("made anew: %v, %v", there, err)
	}
}

// What somebody else has done with the place of a finished upload since stays.
func TestForgetFinished(t *testing.T) {
	dir := t.TempDir()
	e := open(t, dir, testRecord("/x"))
	if err := errors.Join(e.remember("http://host/files/1"), e.finish()); err != nil {
		t.Fatal(err)
	}
	if err := forgetFinished(e.base, "http://host/files/1"); err != nil || len(folder(t, dir)) != 2 {
		t.Errorf("in use: %v, left %q", err, folder(t, dir))
	}
	e.close()
	if err := forgetFinished(e.base, "http://host/files/2"); err != nil || len(folder(t, dir)) != 1 {
		t.Errorf("another upload: %v, left %q", err, folder(t, dir))
	}
	if err := forgetFinished(e.base, "http://host/files/1"); err != nil || len(folder(t, dir)) != 0 {
		t.Errorf("this one: %v, left %q", err, folder(t, dir))
	}
}
