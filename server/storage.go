package server

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/hooks"
	"plateau/profiling"
	"plateau/store"
)

// uploadStore keeps uploads: store/disk and store/s3. All methods may be called from
// any goroutine, until Close. They block on the disk or on the network, with deadlines
// of their own; the errors of those that serve requests are handler.Errors.
type uploadStore interface {
	handler.DataStore
	// UseIn tells tusd's handler what the store can do.
	UseIn(composer *handler.StoreComposer)
	// ValidID reports whether an upload can have this id. It doesn't block.
	ValidID(id string) bool
	Content(ctx context.Context, id string) (store.Content, error)
	// Record reads an upload's record and does nothing else with it: whose it is can be
	// known of one that is in use, or broken.
	Record(ctx context.Context, id string) (handler.FileInfo, error)

	// Occupants calls each for what occupies something, in the order of ids, from behind
	// after on.
	Occupants(ctx context.Context, after string, each func(id, owner string, what store.Occupied) error) error

	// NewDraft begins a file of a form, FinishDrafts makes uploads of them, in the
	// order that they were given.
	NewDraft(ctx context.Context) (store.Draft, error)
	FinishDrafts(ctx context.Context, drafts []store.Draft, metadata []handler.MetaData) []store.Finished
	// Lend and TakeBack are the blocks that bodies are copied in, SetBuffers changes
	// their size and that of all together, in bytes.
	blocks
	SetBuffers(writeBlock int, bufferPool int64)

	// Start begins what the store does by itself, Interrupt has uploads hand over what
	// they hold soon, Close waits for all that runs, until ctx ends.
	Start(ctx context.Context)
	Interrupt()
	Close(ctx context.Context) error
}

// eventOutbox is where events wait, beside the uploads.
type eventOutbox interface {
	hooks.Outbox
	Stats() (hooks.Stats, error)
	Close() error
}

// storage is where uploads and their events are kept: a data folder, or a bucket.
type storage struct {
	uploadStore
	outbox eventOutbox
	where  []any // for the log

	collectors []prometheus.Collector // of this storage only
	troubles   func() string          // lines for /readyz; empty if there are none
	warnings   func() []profiling.Warning
	// presign makes an address where S3 itself gives a finished upload to whoever has it,
	// while it is valid; nil: the server sends uploads itself. Its errors are
	// handler.Errors.
	presign func(ctx context.Context, id string, valid time.Duration, contentType, disposition string) (string, error)
	begin   func(ctx context.Context) error // before the server serves; nil: there is nothing to do
	end     func()                          // after the rest was closed; may be nil
}

// openStorage opens what --store says.
func (s *Server) openStorage(locker store.Locker, counts *eventMetrics) (*storage, error) {
	if s.cfg.Store == "s3" {
		return s.openS3(locker, counts)
	}
	return s.openDisk(locker, counts)
}

// closeRest closes what is left after Close, when nobody adds or sends events any
// more.
func (s *storage) closeRest() error {
	err := s.outbox.Close()
	if s.end != nil {
		s.end()
	}
	return err
}

// beforeEvent is called by every finish of an upload, before its event is made safe.
func (s *Server) beforeEvent(ctx context.Context, id string) {
	if s.beforeFinish != nil {
		s.beforeFinish()
	}
	s.leaks.openWriter(ctx, s.events.kafka, id)
}
