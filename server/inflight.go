package server

import (
	"context"
	"math"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/profiling"
	"plateau/store"
)

// lookedLately is for how long a look at an upload is the beginning of its rate.
const lookedLately = 10 * time.Second

// target is the upload that a body goes to. It doesn't change once it is set.
type target struct {
	id, owner string
	offset    int64 // at which the body begins; in a form, less what came before the file
	size      int64 // -1: not known
}

// note remembers what a request's bytes go to: for setExpires, and for operators.
func note(ctx context.Context, u handler.Upload) {
	x, ok := ctx.Value(exchangeKey{}).(*exchange)
	if !ok {
		return
	}
	x.response.upload = u
	if x.response.body == nil {
		return
	}
	info, err := u.GetInfo(ctx)
	if err != nil {
		return
	}
	to := &target{id: info.ID, owner: info.Storage[store.KeyOwner], offset: info.Offset, size: info.Size}
	if info.SizeIsDeferred {
		to.size = -1
	}
	x.response.body.target.Store(to)
}

// inFlight are the uploads whose bytes are arriving. It is called by one goroutine
// at a time.
func (b *bodies) inFlight() []profiling.UploadInFlight {
	now := time.Now()
	b.mu.Lock()
	running := make([]*body, 0, len(b.running))
	for in := range b.running {
		running = append(running, in)
	}
	b.mu.Unlock()
	all := make([]profiling.UploadInFlight, len(running))
	for i, in := range running {
		all[i] = in.inFlight(now)
	}
	return all
}

func (b *body) inFlight(now time.Time) profiling.UploadInFlight {
	received := b.received.Load()
	u := profiling.UploadInFlight{Client: b.client, Offset: received, Size: -1, Rate: math.NaN(), Since: b.since}
	if to := b.target.Load(); to != nil {
		u.ID, u.Owner, u.Size = to.id, to.owner, to.size
		u.Offset += to.offset
	}
	// When nobody has looked for a while, the rate since then says nothing of now.
	if d := now.Sub(b.looked.at); d > 0 && d < lookedLately {
		u.Rate = float64(received-b.looked.bytes) / d.Seconds()
	}
	b.looked.bytes, b.looked.at = received, now
	return u
}
