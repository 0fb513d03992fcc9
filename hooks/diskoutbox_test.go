package hooks_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/hooks"
	"plateau/hooks/outboxtest"
)

func TestDiskOutboxContract(t *testing.T) {
	for name, opts := range map[string]hooks.DiskOutboxOptions{
		"durable":      {Durable: true},
		"not durable":  {},
		"small window": {Window: 3},
		"scans ahead":  {Window: 20},
	} {
		t.Run(name, func(t *testing.T) {
			outboxtest.Run(t, func(t *testing.T) outboxtest.Harness {
				opts := opts
				opts.Dir, opts.Records = filepath.Join(t.TempDir(), "outbox"), t.TempDir()
				h := &onDisk{opts: opts}
				h.open(t)
				t.Cleanup(func() { h.close(t) })
				return h
			})
		})
	}
}

// onDisk is a DiskOutbox as the contract suite wants one.
type onDisk struct {
	opts   hooks.DiskOutboxOptions
	outbox *hooks.DiskOutbox
}

func (h *onDisk) open(t *testing.T) {
	t.Helper()
	var err error
	if h.outbox, err = hooks.OpenDiskOutbox(h.opts); err != nil {
		t.Fatal(err)
	}
}

func (h *onDisk) close(t *testing.T) {
	t.Helper()
	if err := h.outbox.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func (h *onDisk) Outbox() hooks.Outbox { return h.outbox }

// Other is the same: the relays of one process share a DiskOutbox.
func (h *onDisk) Other() hooks.Outbox { return h.outbox }

func (h *onDisk) Record(t *testing.T, info handler.FileInfo) {
	t.Helper()
	text, err := json.Marshal(info)
	if err != nil {
		t.Error(err)
	}
	name := filepath.Join(h.opts.Records, info.ID+".info")
	if err := os.WriteFile(name+".tmp", text, 0o600); err != nil {
		t.Error(err)
	}
	if err := os.Rename(name+".tmp", name); err != nil {
		t.Error(err)
	}
}

func (h *onDisk) Delete(t *testing.T, id string) {
	t.Helper()
	if err := os.Remove(filepath.Join(h.opts.Records, id+".info")); err != nil {
		t.Fatal(err)
	}
}

func (h *onDisk) Reopen(t *testing.T) {
	t.Helper()
	h.close(t)
	h.open(t)
}

func (h *onDisk) Dead(t *testing.T) map[string]string {
	t.Helper()
	dead := make(map[string]string)
	err := hooks.ListOutbox(h.opts.Dir, true, func(e hooks.Entry, reason string) error {
		dead[e.Name] = reason
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dead
}
