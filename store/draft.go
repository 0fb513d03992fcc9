package store

import (
	"context"

	"github.com/tus/tusd/v2/pkg/handler"
)

// Draft is a new upload of which nobody knows yet: it has bytes, but neither a
// record nor a name that a request could reach. A form's files are drafts until the
// form has ended well; then the store makes finished uploads of them.
//
// A draft is for one goroutine. It ends with the store's FinishDrafts or with
// Abandon.
type Draft interface {
	// ID is the id that the upload will have.
	ID() string
	// Size is how many bytes were appended.
	Size() int64
	// Append writes b at the end. Its errors are answers: 507, 5xx; then the draft is
	// to be abandoned. It must not keep b.
	Append(ctx context.Context, b []byte) error
	// Rest lets go of what the draft needs only while bytes come; nothing more is
	// appended.
	Rest()
	// Abandon removes the draft. An error means that something may be left for the
	// store's sweep.
	Abandon() error
}

// Finished is what became of a draft.
type Finished struct {
	Info   handler.FileInfo
	Err    error // an answer; nil: the upload is finished, and its event is safe
	Unsure bool  // with Err: the upload may be finished all the same, and have its event
}
