package hooks

import (
	"context"
	"errors"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
)

// ErrAway is in errors of an outbox that will meet whatever else is asked of it
// for a while: its storage can't be reached.
var ErrAway = errors.New("the outbox is away")

// Entry is one event that waits in an outbox. Two entries of one upload that
// was finished twice have the same Name.
type Entry struct {
	// Name is the entry's name within its outbox. Names sort by age: by the finish
	// time, or by when the upload was created.
	Name string
	// ID is the upload's id.
	ID string
	// FinishedAt is when the upload was finished, as the finish said it.
	FinishedAt time.Time
	// Record is the upload's record: tusd's handler.FileInfo as JSON. Claim fills
	// it; Remove, Release and Bury don't need it.
	Record []byte
}

// Confirmation is what Confirm found out about the upload of an entry.
type Confirmation int

const (
	// Finished: the upload is finished; its event may be sent.
	Finished Confirmation = iota
	// Unknown: whether it is finished can't be said now. The entry is released, and
	// asked about again later.
	Unknown
	// Abandoned: the upload was not finished and never will be under this entry.
	// There is no event to send, and nothing to do: the outbox, or who told it so,
	// has taken the entry away already, while it had the upload to itself. Nobody
	// may remove it later, since the upload may be finished after all by then,
	// under an entry with the same name.
	Abandoned
)

// Outbox keeps events until they are acknowledged. Several relays, in one or in
// several processes, may work over one outbox: an entry is claimed by one at a
// time, for a while. All methods may be called from any goroutine. They block
// on the storage, not on each other's entries, and return when ctx ends. An
// error says nothing about whether the step was taken: each may be repeated. One
// that is ErrAway should be, but not at once.
type Outbox interface {
	// Add makes the event of an upload safe: once it has returned nil, the entry
	// survives a crash and a power cut. Where an outbox must be told of the upload
	// before it is finished (an intent), Confirm finds out later whether it was.
	// Adding the same upload with the same time again changes nothing.
	Add(ctx context.Context, info handler.FileInfo, finishedAt time.Time) error

	// Claim returns the oldest entries that nobody has claimed, at most count of
	// them and, save for the first, at most size bytes of records. They are the
	// caller's until that time, or until it removes, releases or buries them;
	// after it another relay may have them too. Entries that can't be read are
	// buried, not returned. With nothing to claim it returns none and nil.
	Claim(ctx context.Context, count int, size int64, until time.Time) ([]Entry, error)

	// Confirm says whether the upload of a claimed entry was finished. An entry is
	// sent only when it was. After Unknown or an error it has to be released.
	Confirm(ctx context.Context, e Entry) (Confirmation, error)

	// Remove deletes entries whose events were acknowledged. Entries that are gone
	// already are no error. It need not be durable: an entry that a power cut
	// brings back is sent again, with the same id.
	Remove(ctx context.Context, entries []Entry) error

	// Release gives claimed entries back, so that they can be claimed again: at once,
	// or if Confirm could not say that the upload was finished, after a while that
	// grows from a second to a minute, so that those behind it go first. Then
	// Arrived gets a value.
	Release(entries []Entry)

	// Bury takes an entry out of the way that can never be sent, for an operator to
	// look at, with the reason. Nothing of it is lost.
	Bury(ctx context.Context, e Entry, reason string) error

	// Arrived returns a channel that gets a value when entries may have been added,
	// or may be claimed again, since the last Claim returned none. It holds at most
	// one value.
	Arrived() <-chan struct{}
}
