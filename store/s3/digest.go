package s3

import (
	"context"
	"slices"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store/lifecycle"
)

// The digest of an upload goes on after an interruption only from a saved state: parts
// can't be read again before they are an object. The state at the end of what is
// committed is kept with the tail, an empty one where a request ends with a part; those
// at the ends of parts that are being sent are kept in memory, in case one fails. A
// process that is killed in the middle of a request loses it, and the upload has none.

// sumMark is the state of a digest at the end of a part.
type sumMark struct {
	offset int64
	state  string
}

// sums reports whether an upload's record is to have a digest. Parts make no event.
func (s *Store) sums(info handler.FileInfo) bool { return s.opts.Digest != "" && !info.IsPartial }

// savedDigest returns the digest of what is committed; nil if it is lost, or nobody wants
// one.
func (st *state) savedDigest() *lifecycle.Digest {
	if !st.store.sums(st.info) {
		return nil
	}
	end, state := st.committed(), ""
	switch {
	case end == 0:
		return lifecycle.NewDigest()
	case st.tail.covers(st.stored):
		state = st.tail.digest
	}
	if state == "" {
		if i := slices.IndexFunc(st.marks, func(m sumMark) bool { return m.offset == end }); i >= 0 {
			state = st.marks[i].state
		}
	}
	d, err := lifecycle.RestoreDigest(state, statePlace, end)
	if err != nil || d.Offset != end {
		return nil
	}
	return d
}

// digestState returns the state of the digest of all that came; empty: there is none.
func (st *state) digestState() string {
	if st.digest == nil || st.digest.Offset != st.received() {
		return ""
	}
	text, err := st.digest.State(statePlace)
	if err != nil {
		return ""
	}
	return text
}

// markDigest remembers the digest at the end of a part that is about to be sent.
func (st *state) markDigest() {
	st.forgetMarks()
	if state := st.digestState(); state != "" {
		st.marks = append(st.marks, sumMark{st.received(), state})
	}
}

// forgetMarks forgets the digests that no part's failure leads back to.
func (st *state) forgetMarks() {
	st.marks = slices.DeleteFunc(st.marks, func(m sumMark) bool { return m.offset < st.stored })
}

// keepDigest keeps the digest where no tail does, since the last byte that came is the
// last of a part: it writes an empty tail. The caller has mu.
func (st *state) keepDigest(ctx context.Context, held func() error) error {
	if !st.steady() || st.stored == 0 || st.committed() != st.stored || st.received() != st.stored {
		return nil
	}
	state := st.digestState()
	if state == "" || st.tail.covers(st.stored) && st.tail.digest == state {
		return nil
	}
	return st.writeTail(ctx, held, emptyBody{}, tail{start: st.stored, digest: state}, 0)
}
