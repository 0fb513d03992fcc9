package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEmptyAllLeavesNames(t *testing.T) {
	folder := t.TempDir()
	paths := []string{filepath.Join(folder, "object"), filepath.Join(folder, ".sgwtmp", "multipart", "1")}
	if err := os.MkdirAll(filepath.Dir(paths[1]), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if err := os.WriteFile(path, []byte("data"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := emptyAll(folder); err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if stat, err := os.Stat(path); err != nil || stat.Size() != 0 {
			t.Errorf("%s: %v (%v)", path, stat, err)
		}
	}
}

func TestVerifyFindsWhatIsWrong(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 4)
	whole := bytes.Repeat(content, 3)
	for _, test := range []struct {
		name, want string
		spoil      func(folder, first string) error
	}{
		{"nothing", "", func(string, string) error { return nil }},
		{"missing", "but 2 are in the folder", func(_, first string) error { return os.Remove(first) }},
		{"short", "bytes, not", func(_, first string) error { return os.Truncate(first, 100) }},
		{"changed", "are not those sent", func(_, first string) error {
			changed := bytes.Clone(whole)
			changed[len(changed)-1]++
			return os.WriteFile(first, changed, 0o600)
		}},
		{"without record", "no record", func(_, first string) error { return os.Remove(first + ".info") }},
		{"other files", "", func(folder, _ string) error { return os.WriteFile(filepath.Join(folder, "lock"), nil, 0o600) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			folder := t.TempDir()
			for i := range 3 {
				path := filepath.Join(folder, fmt.Sprintf("%032x", i))
				if err := os.WriteFile(path, whole, 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path+".info", []byte("{}"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := test.spoil(folder, filepath.Join(folder, fmt.Sprintf("%032x", 0))); err != nil {
				t.Fatal(err)
			}
			err := verify(folder, 3, int64(len(whole)), content)
			if test.want == "" && err != nil {
				t.Error(err)
			}
			if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got error %v, want one with %q", err, test.want)
			}
		})
	}
}
