package client_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"plateau/client"
)

func TestChangedBetweenRuns(t *testing.T) {
	t.Parallel()
	p := startPlateau(t)
	path, _ := sourceFile(t, "a.bin", 4<<20)
	state := t.TempDir()
	remembering := func(o *client.Options) { o.State = state }
	interrupt(t, p.files, path, 1<<20, remembering)
	content := bytes.Repeat([]byte("new"), 1000)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	uploader, said := quick(t, p.files, remembering)
	if _, err := uploader.Upload(bounded(t), path); err != nil {
		t.Fatal(err)
	}
	if len(said.of(client.Resumed)) != 0 || len(said.of(client.Created)) != 1 {
		t.Errorf("resumed %v", said.of(client.Resumed))
	}
	if !slices.ContainsFunc(p.all(t), func(k kept) bool { return bytes.Equal(k.data, content) && k.sealed }) {
		t.Error("the server doesn't have the new file")
	}
}

func TestChangedMeanwhile(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(path string) error{
		"longer":  func(path string) error { return os.Truncate(path, 9<<20) },
		"shorter": func(path string) error { return os.Truncate(path, 3<<20) },
		"touched": func(path string) error { return os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPlateau(t)
			path, _ := sourceFile(t, "a.bin", 8<<20)
			state := t.TempDir()
			uploader, said := quick(t, p.files, func(o *client.Options) { o.State = state })
			done := false
			said.on = func(e client.Event) {
				if e.Kind == client.Moved && e.Offset >= 2<<20 && !done {
					done = true
					if err := change(path); err != nil {
						t.Error(err)
					}
				}
			}
			_, err := uploader.Upload(bounded(t), path)
			if _, ok := errors.AsType[*client.RefusedError](err); !ok || !errors.Is(err, client.ErrChanged) {
				t.Errorf("ended with %v", err)
			}
			for _, k := range p.all(t) {
				if k.sealed {
					t.Error("the upload is finished")
				}
			}
			if names, _ := filepath.Glob(filepath.Join(state, "*")); len(names) > 0 {
				t.Errorf("still remembered: %q", names)
			}
		})
	}
}

func TestUnreadableFiles(t *testing.T) {
	t.Parallel()
	uploader, _ := quick(t, "http://127.0.0.1:1", nil)
	dir := t.TempDir()
	for path, want := range map[string]string{
		filepath.Join(dir, "none"): "no such file",
		dir:                        "folder",
		"/dev/null":                "not a regular file",
		"/proc/self/status":        "has content, but no size",
	} {
		if _, err := os.Stat(path); strings.HasPrefix(path, "/proc/") && err != nil {
			continue // not Linux
		}
		_, err := uploader.Upload(t.Context(), path)
		if _, ok := errors.AsType[*client.RefusedError](err); !ok || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

// Names may be any bytes; two that look the same are two files.
func TestNamesThatAreNotUTF8(t *testing.T) {
	t.Parallel()
	p := startPlateau(t)
	dir := t.TempDir()
	uploader, said := quick(t, p.files, nil)
	addresses := map[string]bool{}
	modified := time.Now().Add(-time.Hour)
	for _, name := range []string{"a\xff.txt", "a\xfe.txt"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("the same"), 0o600); err != nil {
			t.Skip("this system's names are UTF-8:", err)
		}
		if err := os.Chtimes(path, modified, modified); err != nil {
			t.Fatal(err)
		}
		address, err := uploader.Upload(bounded(t), path)
		if err != nil {
			t.Fatal(err)
		}
		addresses[address] = true
	}
	if len(addresses) != 2 || len(said.of(client.Found)) > 0 {
		t.Errorf("two files are at %v", addresses)
	}
	for _, k := range p.all(t) {
		if k.MetaData["filename"] != "a\uFFFD.txt" {
			t.Errorf("filename is %q", k.MetaData["filename"])
		}
	}
}
