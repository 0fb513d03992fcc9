package s3

import (
	"context"
	"errors"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// Record returns an upload's record, also of one that can't be used. It does nothing else
// with the upload, and waits for nobody who writes to it. Errors: 404, 410, 5xx.
func (s *Store) Record(ctx context.Context, id string) (handler.FileInfo, error) {
	if !validID(id) {
		return handler.FileInfo{}, s.answer(ctx, store.NotFound())
	}
	if seen := s.states.seen(id); seen != nil {
		return seen.info, nil
	}
	f, err := s.look(ctx, id)
	if err != nil && !(errors.Is(err, errDamaged) && f.info.ID == id) {
		return handler.FileInfo{}, s.answer(ctx, err)
	}
	return f.info, nil
}

// seen returns an upload as it was opened or committed last, if it is open here.
func (t *states) seen(id string) *upload {
	t.mu.Lock()
	defer t.mu.Unlock()
	if st := t.byID[id]; st != nil {
		return st.seen.Load()
	}
	return nil
}

// isPinned reports whether a request has the state open.
func (t *states) isPinned(st *state) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return st.pins > 0
}
