package s3

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store/lifecycle"
	"plateau/store/s3/bucket"
	"plateau/store/s3/spool"
)

// state is one upload that is open for writing in this process: what the bucket has of
// it, and the bytes that wait here. It outlives requests (see states), so that the next
// one needs no call to find out.
//
// Bytes go through three places, in this order: the spool (start and file), a tail or
// parts that are being sent, and the contiguous parts in the bucket (parts and stored).
// What is in the bucket is committed: only that is acknowledged.
type state struct {
	inTable // guarded by the table's lock
	store   *Store
	id      string

	mu        sync.Mutex             // guards all that follows
	change    sync.Cond              // flying or failed changed
	info      handler.FileInfo       // the record; its Offset means nothing
	etag      string                 // of the record in the bucket; empty: it isn't there yet
	sealed    bool                   // the object is there
	parts     []bucket.Part          // the contiguous ones, from number 1
	stored    int64                  // where they end
	grid      grid                   // of its parts
	tail      tail                   // what the bucket has behind them
	chunks    int                    // bodies that are being written
	grown     int64                  // how many bytes were counted, while the length isn't known
	recounted bool                   // that is counted by a later look at the upload
	start     int64                  // where file begins, or the next bytes do
	file      *spool.File            // nil: nothing waits here
	flying    int                    // parts that are being sent
	ahead     map[int]bucket.Part    // parts that were stored behind a missing one
	sent      bool                   // a part was sent, or is listed: the grid stays
	seen      atomic.Pointer[upload] // as it was opened or committed last, for who doesn't wait for mu
	looked    time.Time              // when bytes were committed for one who only looked
	draft     bool                   // nobody knows of it: its finish writes its record
	touched   bool                   // something of it may be in the bucket
	removed   bool                   // it is gone; whoever has it opened must not bring it back
	announced bool                   // a finish, of whatever process, may have made its event safe
	finishing bool                   // a finish runs: nobody else changes anything
	failed    error                  // why a part could not be stored
	last      time.Time              // when the last byte was committed
	digest    *lifecycle.Digest      // of all bytes up to received; nil: nobody wants one, or it is lost
	marks     []sumMark              // of the digest, at the ends of parts from stored on
}

// tail is the object that has the bytes behind the last part that is stored.
type tail struct {
	start, size int64
	etag        string // empty: there is none
	tried       string // the nonce of a try that may have succeeded, though we didn't hear of it
	digest      string // the state of the digest at its end
}

func (s *Store) newState(info handler.FileInfo) *state {
	st := &state{store: s, id: info.ID, info: info}
	st.change.L = &st.mu
	st.grid, _ = gridOf(info)
	return st
}

// committed is how many bytes the bucket has: what may be acknowledged.
func (st *state) committed() int64 {
	if st.tail.covers(st.stored) {
		return st.stored + st.tail.size
	}
	return st.stored
}

// covers reports whether the tail goes on where the parts end.
func (t tail) covers(end int64) bool { return t.etag != "" && t.start == end }

// received is how many bytes have come, committed or not.
func (st *state) received() int64 {
	switch {
	case st.file != nil:
		return st.start + st.file.Size()
	case st.tail.covers(st.start):
		return st.start + st.tail.size
	}
	return st.start
}

// record is what is known of the upload.
func (st *state) record() handler.FileInfo {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.info
}

// complete reports whether all bytes have come.
func (st *state) complete() bool {
	return st.sealed || !st.info.SizeIsDeferred && st.received() == st.info.Size
}

// size is the upload's length; -1: it is not known yet.
func (st *state) size() int64 {
	if st.info.SizeIsDeferred {
		return -1
	}
	return st.info.Size
}

// small reports whether the upload becomes an object in one piece.
func (st *state) small() bool { return multipartOf(st.info) == "" }

// partEnd is where the part ends that file becomes.
func (st *state) partEnd() int64 {
	n := len(st.parts) + st.flying + len(st.ahead) + 1
	return st.start + st.grid.part(n)
}

// memory is about how many bytes of memory the state takes.
func (st *state) memory() int64 {
	w := int64(1024) + int64(len(st.parts))*160
	for _, m := range []map[string]string{st.info.MetaData, st.info.Storage} {
		for k, v := range m {
			w += int64(len(k) + len(v))
		}
	}
	for _, part := range st.info.PartialUploads {
		w += int64(len(part)) + 16
	}
	return w
}

// settle waits until no part is being sent, and forgets what came behind one that
// failed: its bytes will come again.
func (st *state) settle() error {
	for st.flying > 0 {
		st.change.Wait()
	}
	err := st.failed
	if err == nil {
		return nil
	}
	st.failed, st.ahead = nil, nil
	if errors.Is(err, bucket.ErrNoMultipart) {
		st.store.states.forget(st) // the next request looks what is left
	}
	st.drop()
	st.digest = st.savedDigest()
	return err
}

// drop forgets the bytes that wait here; those that are committed stay.
func (st *state) drop() {
	if st.file != nil {
		st.file.Release()
		st.file = nil
	}
	st.start = st.stored
}

// close lets go of what waits here.
func (st *state) close() {
	st.mu.Lock()
	defer st.mu.Unlock()
	for st.flying > 0 {
		st.change.Wait()
	}
	st.drop()
}
