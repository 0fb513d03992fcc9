package e2e

import (
	"context"
	"path/filepath"
	"testing"
)

// backend is where a server keeps uploads, as a test sees it past the server. Uploads have their ids.
type backend interface {
	// records are those of all uploads that there are.
	records(t *testing.T) []record
	// kept is how many bytes of an upload are there though the server were killed now; -1: there is no such upload.
	kept(t *testing.T, id string) int64
	sealed(id string) bool
	// sum is the SHA-256 of an upload's bytes, in hex.
	sum(t *testing.T, id string) string
	// waiting are the uploads whose events wait in the outbox.
	waiting(t *testing.T) map[string]bool
	wantNoneDead(t *testing.T)
	// seesAll says that kept knows of all bytes that the server has received: it keeps none back.
	seesAll() bool
}

// starter starts a server over some backend, on a data folder of its own, and ends it with the test.
type starter func(ctx context.Context, t *testing.T, flags ...string) *plateau

func onDisk(ctx context.Context, t *testing.T, flags ...string) *plateau {
	t.Helper()
	return startPlateau(ctx, t, t.TempDir(), flags...)
}

// backend is the bucket of a server that has one, else its data folder.
func (p *plateau) backend() backend {
	if p.bucket != nil {
		return p.bucket
	}
	return folder(p.data)
}

// folder is a data folder.
type folder string

func (f folder) uploads() string { return filepath.Join(string(f), "uploads") }

func (f folder) records(t *testing.T) []record {
	t.Helper()
	return records(t, f.uploads())
}

func (f folder) kept(_ *testing.T, id string) int64 { return dataSize(f.uploads(), id) }

func (f folder) sealed(id string) bool { return sealed(f.uploads(), id) }

func (f folder) sum(t *testing.T, id string) string {
	t.Helper()
	return fileSum(t, filepath.Join(f.uploads(), id))
}

func (f folder) waiting(t *testing.T) map[string]bool {
	t.Helper()
	return waitingEvents(t, string(f))
}

func (f folder) wantNoneDead(t *testing.T) {
	t.Helper()
	wantNoneDead(t, string(f))
}

func (f folder) seesAll() bool { return true }
