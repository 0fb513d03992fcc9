package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestBacklog(t *testing.T) {
	const id, count = "0123456789abcdef0123456789abcdee", 25
	folder := t.TempDir()
	at := time.Date(2026, 11, 29, 5, 41, 7, 123456789, time.UTC)
	pending := filepath.Join(folder, "outbox", "pending")
	minute := filepath.Join(pending, "2026-11-29T0541")
	for _, dir := range []string{filepath.Join(folder, "uploads"), minute} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(folder, "uploads", id)
	for name, text := range map[string]string{data: "", data + ".info": `{"ID":"` + id + `"}`} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(data+".info", filepath.Join(minute, at.Format(stampLayout)+"-"+id)); err != nil {
		t.Fatal(err)
	}
	if err := backlog(folder, "uploads", count); err != nil {
		t.Fatal(err)
	}
	entries, err := filepath.Glob(filepath.Join(pending, "*", "*"))
	if err != nil || len(entries) != count {
		t.Fatalf("%d entries, want %d (%v)", len(entries), count, err)
	}
	for _, entry := range entries {
		_, id, _ := strings.Cut(filepath.Base(entry), "-")
		text, err := os.ReadFile(entry)
		if err != nil || !bytes.Contains(text, []byte(id)) {
			t.Errorf("%s holds %q (%v)", entry, text, err)
		}
		if _, err := os.Stat(filepath.Join(folder, "uploads", id)); err != nil {
			t.Error(err)
		}
		if day, _, _ := strings.Cut(filepath.Base(entry), "."); !strings.HasPrefix(day, strings.ReplaceAll(filepath.Base(filepath.Dir(entry)), "-", "")) {
			t.Errorf("%s lies in the folder of another minute", entry)
		}
	}
	if err := backlog(folder, "uploads", count); err == nil {
		t.Error("a folder with more than one entry was taken as an example")
	}
}

func TestRise(t *testing.T) {
	if got := rise([]float64{0, 50, 75, 100}, []float64{900, 10, 15, 20}, 100); got != 10 {
		t.Errorf("it rises by %g, want 10", got)
	}
	for _, x := range [][]float64{{}, {10}, {10, 100}, {10, 100, 100}} {
		if got := rise(x, make([]float64, len(x)), 100); got != 0 {
			t.Errorf("%v: %g", x, got)
		}
	}
}
