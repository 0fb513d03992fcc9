package server_test

import (
	"strings"
	"testing"
)

// Profiles say of a goroutine which route it serves, for as long as it does.
func TestGoroutinesAreLabelled(t *testing.T) {
	p := run(t)
	const form = `"route":"POST /upload"`
	w := p.dial()
	w.begin("POST", "/upload", formType, "Content-Length: 1000")
	until(t, "the label shows", func() bool { return strings.Contains(p.admin("/debug/pprof/goroutine?debug=1").body, form) })
	_ = w.Close()
	until(t, "the label has gone", func() bool { return !strings.Contains(p.admin("/debug/pprof/goroutine?debug=1").body, form) })
}
