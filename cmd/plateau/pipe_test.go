package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A server whose standard output nobody reads any more serves on, and keeps the events.
func TestServeIntoClosedPipe(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := startInto(t, write, "main", serveArgs(dir)...)
	write.Close()
	read.Close()
	listen, _ := p.await(t, "serving")["listen"].(string)
	first := uploadTo(t, listen, "12345", 5)
	second := uploadTo(t, listen, "", 0)
	if resp, err := http.Get("http://" + listen + "/healthz"); err != nil || resp.Body.Close() != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("/healthz: %v %v", resp, err)
	}
	p.stopped(t)

	name := filepath.Join(t.TempDir(), "events")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	p = startInto(t, file, "main", serveArgs(dir)...)
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) { // between two looks
		text, err := os.ReadFile(name)
		if err == nil && strings.Contains(string(text), first+":finished") && strings.Contains(string(text), second+":finished") {
			break
		}
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("the events are not on standard output: %q %v", text, err)
		}
	}
	p.stopped(t)
}

// Whoever has read enough of a list ends it quietly.
func TestListIntoClosedPipe(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p := start(t, "main", serveArgs(dir)...)
	listen, _ := p.await(t, "serving")["listen"].(string)
	uploadTo(t, listen, "1", 2)
	p.stopped(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	read.Close()
	ls := startInto(t, write, "main", "uploads", "ls", "--data-dir", dir)
	write.Close()
	ls.wait(t)
	if out := ls.output(); out != "" {
		t.Errorf("said %q", out)
	}
}
