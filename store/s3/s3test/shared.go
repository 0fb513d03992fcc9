package s3test

import (
	"fmt"
	"os"
	"sync"
	"testing"
)

// Shared is one gateway for all tests of a process; the zero value is ready. A package of tests has one, as the only variable
// that it needs beside its tests:
//
//	var shared s3test.Shared
//
//	func TestMain(m *testing.M) { os.Exit(shared.Run(m)) }
//
// Each test takes a bucket of its own. Whoever stops or pauses a gateway starts one with Start.
type Shared struct {
	once    sync.Once
	gateway *Gateway
	folder  string
	err     error
}

// Run runs the tests, and then ends the gateway. It returns the exit code.
func (s *Shared) Run(m *testing.M) int {
	defer s.end()
	return m.Run()
}

// Gateway returns the gateway, which the first call starts, or skips the test for want of the program.
func (s *Shared) Gateway(t testing.TB) *Gateway {
	t.Helper()
	program := needProgram(t)
	s.once.Do(func() {
		s.folder, s.err = os.MkdirTemp("", "plateau-s3test-")
		if s.err == nil {
			s.gateway, s.err = start(program, s.folder, false)
		}
	})
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.gateway
}

func (s *Shared) end() {
	if s.gateway != nil {
		s.gateway.Stop()
	}
	if s.folder != "" {
		if err := os.RemoveAll(s.folder); err != nil {
			fmt.Fprintln(os.Stderr, "remove the gateway's folder:", err)
		}
	}
}
