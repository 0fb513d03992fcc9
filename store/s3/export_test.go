package s3

import (
	"context"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// RecordedID returns the id in the record of an object, or the object itself.
func (s *Store) RecordedID(ctx context.Context, object string) string {
	info, _, err := s.readRecord(ctx, object)
	if err == nil {
		return info.ID
	}
	if o, err := s.opts.Bucket.Head(ctx, object); err == nil {
		if info, ok := carriedRecord(object, o); ok {
			return info.ID
		}
	}
	return object
}

// MultipartOf returns the multipart upload of an upload, as its record has it.
func (s *Store) MultipartOf(id string) string {
	info, _, err := s.readRecord(context.Background(), id)
	if err != nil {
		return ""
	}
	return multipartOf(info)
}

// SweepYoung sweeps what is young, as the store does between two whole sweeps.
func (s *Store) SweepYoung(ctx context.Context) (Swept, error) {
	return s.sweep(ctx, youngAt(s.opts.Now()))
}

// SplitID returns an upload's object and the multipart upload in its id.
func SplitID(id string) (object, multipart string) { return splitID(id) }

// HalfMake makes what a final's concatenation makes until its first piece is copied.
func (s *Store) HalfMake(ctx context.Context, final handler.Upload, first string) error {
	st := s.newState(final.(*upload).info)
	if err := st.beginMultipart(ctx); err != nil {
		return err
	}
	object, _ := splitID(st.id)
	_, err := s.opts.Bucket.CopyPart(ctx, object, multipartOf(st.info), 1, first, 0, leastPart, "")
	return err
}

// Open is how many uploads are open, and Waiting how many bytes wait here.
func (s *Store) Open() int { return len(s.states.all()) }

func (s *Store) Waiting() (n int64) {
	for _, st := range s.states.all() {
		st.mu.Lock()
		if st.file != nil {
			n += st.file.Size()
		}
		st.mu.Unlock()
	}
	return n
}

// Evict returns what the spool calls when others need the room of an upload that is open
// here.
func (s *Store) Evict(id string) func() {
	st := s.states.get(id)
	defer s.states.put(st, false)
	return st.evict
}

// PartFailed reports whether a part of an upload that is open here could not be stored,
// and none is on its way.
func (s *Store) PartFailed(id string) bool {
	st := s.states.get(id)
	defer s.states.put(st, false)
	return st.partFailed()
}

// EvictDraft does what the spool does when others need a draft's room.
func EvictDraft(d store.Draft) { d.(*draft).state.evict() }

// DraftPartFailed is PartFailed for a draft.
func DraftPartFailed(d store.Draft) bool { return d.(*draft).state.partFailed() }

func (st *state) partFailed() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.flying == 0 && st.failed != nil
}
