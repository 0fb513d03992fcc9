package outbox_test

import (
	"context"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/hooks"
	"plateau/hooks/outboxtest"
	"plateau/store/s3/outbox"
)

func TestContract(t *testing.T) {
	for name, opts := range map[string]outbox.Options{
		"as it is":      {},
		"keeps nothing": {Keep: 1, KeepSize: 1, Page: 7, Readers: 2},
	} {
		t.Run(name, func(t *testing.T) {
			outboxtest.Run(t, func(t *testing.T) outboxtest.Harness { return contract{newBox(t, opts)} })
		})
	}
}

// contract is a box as the contract suite wants one.
type contract struct{ box *box }

// finishing is an outbox whose uploads are seen to be finished at once.
type finishing struct{ *outbox.Outbox }

func (f finishing) Add(ctx context.Context, info handler.FileInfo, finishedAt time.Time) error {
	if err := f.Outbox.Add(ctx, info, finishedAt); err != nil {
		return err
	}
	f.Confirmed(info.ID)
	return nil
}

func (c contract) Outbox() hooks.Outbox { return finishing{c.box.Outbox} }

// Other is the same: the relays of one process share an outbox.
func (c contract) Other() hooks.Outbox { return c.Outbox() }

func (c contract) Record(*testing.T, handler.FileInfo) {}

// Delete is what the store does for a client's DELETE.
func (c contract) Delete(t *testing.T, id string) {
	t.Helper()
	if err := c.box.MarkConfirmed(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	c.box.answer(id, hooks.Abandoned)
}

func (c contract) Reopen(t *testing.T) {
	t.Helper()
	c.box.reopen(t)
}

func (c contract) Dead(t *testing.T) map[string]string {
	t.Helper()
	dead := make(map[string]string)
	err := c.box.List(t.Context(), true, func(e hooks.Entry, reason string) error {
		dead[e.Name] = reason
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dead
}

func (c contract) Intend(t *testing.T, info handler.FileInfo, finishedAt time.Time) {
	t.Helper()
	if err := c.box.Add(t.Context(), info, finishedAt); err != nil {
		t.Error(err)
	}
}

func (c contract) Answer(id string, a hooks.Confirmation) { c.box.answer(id, a) }

func (c contract) Alone(t *testing.T, pause time.Duration) {
	t.Helper()
	c.box.opts.AloneMin, c.box.opts.AloneMax = pause, pause
	c.box.reopen(t)
}
