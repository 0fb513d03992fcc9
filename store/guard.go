package store

import (
	"context"

	"github.com/tus/tusd/v2/pkg/handler"
)

// Guard says which uploads a request may use. The server makes one for each request;
// both methods may be called any number of times, and change nothing.
type Guard interface {
	// Permit returns nil, or what a request hears that may not use the upload with this
	// record. Stores ask it as soon as they know the record, before anything is done with
	// the upload or said of it. It doesn't block.
	Permit(info handler.FileInfo) error
	// MayWait returns nil, or what a request hears instead of waiting for a lock that
	// another request holds. Locks ask it before the holder is told to let go: who may not
	// use an upload must not disturb those who may. It may read the upload's record, and
	// ends with ctx.
	MayWait(ctx context.Context, id string) error
}

// Permit asks the request's Guard; without one every upload may be used.
func (r *Request) Permit(info handler.FileInfo) error {
	if r.Guard == nil {
		return nil
	}
	return r.Guard.Permit(info)
}

// MayWait asks the request's Guard; without one every lock may be waited for.
func (r *Request) MayWait(ctx context.Context, id string) error {
	if r.Guard == nil {
		return nil
	}
	return r.Guard.MayWait(ctx, id)
}
